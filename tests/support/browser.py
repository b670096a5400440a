"""A real headless Chromium, spoken to over the pipe that it offers (`--remote-debugging-pipe`).

The protocol is JSON with a NUL after each message, on file descriptors 3 and 4 of the browser: no
port is opened and no package is needed. https://chromedevtools.github.io/devtools-protocol/
"""

import contextlib
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Self

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)

HELPERS = """
  window.all = (css, from = document) => [...from.querySelectorAll(css)];
  window.texts = (css) => all(css).map((n) => n.textContent);
  window.named = (css, text) => all(css).find((n) => n.textContent === text);
  window.title = (figure) => figure.querySelector('h3 bdi').textContent;
  window.figure = (task) => all('#figures figure').find((f) => title(f) === task);
  window.type = (id, value, event) => {
    const n = document.getElementById(id);
    n.value = value;
    n.dispatchEvent(new Event(event));
  };
"""
"""Short words for tests to ask the page with."""


def find() -> str | None:
    """Chromium or Chrome on the path, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


class Browser:
    """One browser with one page; use it in a `with` statement."""

    def __init__(self, binary: str) -> None:
        self._home = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        quiet = os.open(os.devnull, os.O_RDWR)
        duplicates = [(quiet, 0), (quiet, 1), (quiet, 2), (to_browser, 3), (from_browser, 4)]
        # A descriptor that is already 3 or 4 would be overwritten before it is copied.
        high = {fd: os.dup(fd) if fd > 4 else self._above(fd) for fd, _ in duplicates}
        self._pid = os.posix_spawn(
            binary,
            [binary, *FLAGS, f"--user-data-dir={self._home}", "about:blank"],
            {**os.environ, "HOME": self._home, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
            file_actions=[(os.POSIX_SPAWN_DUP2, high[fd], target) for fd, target in duplicates],
            setpgroup=0,
        )
        for fd in (to_browser, from_browser, quiet, *high.values()):
            os.close(fd)
        self._buffer = b""
        self._id = 0
        self.events: list[dict] = []
        target = self._page()
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    @staticmethod
    def _above(fd: int) -> int:
        import fcntl

        return fcntl.fcntl(fd, fcntl.F_DUPFD, 10)

    def _page(self) -> str:
        self._session = None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for target in self.send("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return target["targetId"]
        raise TimeoutError("The browser opened no page.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._home, ignore_errors=True)

    def send(self, method: str, **params: object) -> dict:
        """Call a method of the protocol and return its result; events are kept in `events`."""
        self._id += 1
        message: dict = {"id": self._id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _receive(self, timeout_s: float = 60) -> dict:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], timeout_s)
            if not ready:
                raise TimeoutError("The browser did not answer.")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise ConnectionError("The browser has ended.")
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file anew and wait until it has been drawn."""
        # A change of the fragment alone would not load the page again.
        self._go("about:blank")
        self.events.clear()
        self._go(path.resolve().as_uri() + fragment)
        self.js(HELPERS)

    def _go(self, address: str) -> None:
        self.send("Page.navigate", url=address)
        deadline = time.monotonic() + 30
        begun = address.split("#", maxsplit=1)[0]
        while time.monotonic() < deadline:
            # Between two pages there is for a moment no place to evaluate anything in.
            with contextlib.suppress(RuntimeError):
                where, state = self.js("[location.href, document.readyState]")
                if where.startswith(begun) and state == "complete":
                    return
            time.sleep(0.01)
        raise TimeoutError(f"{address} did not load.")

    def size(self, width: int, height: int = 900, *, scheme: str = "light") -> None:
        """Set the size of the window and the preferred colour scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def js(self, expression: str) -> object:
        """The value of an expression in the page; promises are awaited."""
        result = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def key(self, name: str, **more: object) -> None:
        """Press and release a key, such as Tab or Enter."""
        text = {"Enter": "\r", "Space": " "}.get(name, "")
        code = {"Tab": 9, "Enter": 13, "Space": 32}.get(name, 0)
        common = {"key": name, "code": name, "windowsVirtualKeyCode": code, **more}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def problems(self) -> list[str]:
        """Everything that went to the console as an error or a warning, and every exception."""
        self.js("1")  # what was logged before comes first
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
                found.append(params["entry"]["text"])
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"]))
            if method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
                found.append(json.dumps(params["args"]))
        return found

    def requests(self) -> list[str]:
        """Addresses of everything that was asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
