"""Sends what Alertmanager tells to where people are: DingTalk, Feishu, WeCom, e-mail, and what apprise knows."""
