"""The configuration: settings, camera files, spreadsheets, and the watcher of the camera folder."""
