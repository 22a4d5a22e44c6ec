"""What shells get from us: functions to put into their start-up files, and completion."""
