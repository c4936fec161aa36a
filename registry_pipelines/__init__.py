"""What runs: definitions, jobs, sensors, schedules, command line."""
