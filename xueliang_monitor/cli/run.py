"""`xueliang run`: the daemon."""

from __future__ import annotations

from xueliang_monitor.cli.output import ConfigOption, log_to_stderr, refuse, settings_file


def run(config: ConfigOption = None) -> None:
    """Monitor the cameras until stopped."""
    import asyncio
    import errno

    from xueliang_monitor import service
    from xueliang_monitor.configuration.strict_yaml import DocumentError, listed
    from xueliang_monitor.storage.state_lock import StateHeldError

    log_to_stderr()
    try:
        with asyncio.Runner(loop_factory=service.loop_factory()) as runner:
            runner.run(service.serve(settings_file(config)))
    except DocumentError as error:
        refuse(listed(error.problems))
    except StateHeldError as error:
        refuse([error])  # with an exit status on which systemd does not restart the service
    except OSError as error:
        hint = "; is another xueliang running?" if error.errno == errno.EADDRINUSE else ""
        refuse([f"cannot listen: {error.strerror}{hint}"], 1)
