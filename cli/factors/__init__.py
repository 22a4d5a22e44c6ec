"""The commands of `sentinel mfa`, one file each."""
