"""The commands of `sentinel keyring`, one file each."""
