"""What other systems are told of open problems: silences at Alertmanager, events for webhooks."""
