"""The commands of `sentinel audit`, one file each, and what they share."""
