"""The commands of `sentinel import`, one file each."""
