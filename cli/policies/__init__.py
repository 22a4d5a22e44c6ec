"""The commands of `sentinel policy`, one file each."""
