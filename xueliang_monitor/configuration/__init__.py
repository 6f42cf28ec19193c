"""What people write: settings, camera files, spreadsheets; read strictly, watched for changes."""
