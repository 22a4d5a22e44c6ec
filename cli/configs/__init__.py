"""The commands of `sentinel config`, one file each."""
