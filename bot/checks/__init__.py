"""What `backup-bot check` looks at, one file per part of the world."""
