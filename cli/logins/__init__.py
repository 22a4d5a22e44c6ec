"""The commands of `sentinel sso`, one file each, and which logins they mean."""
