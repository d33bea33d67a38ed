# SPDX-License-Identifier: Apache-2.0
"""As much of HTTP/2 (RFC 9113, 7541) as it takes to be a gRPC client that no gRPC library would be."""
import contextlib
import socket
import struct

SETTINGS_ACK = 1
END_STREAM, END_HEADERS = 1, 4
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
MAX_FRAME = 16384
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(path):
    """The HEADERS frame of a gRPC call on stream 1: every field a literal, none indexed."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("te", "trailers"),
              ("content-type", "application/grpc")]
    block = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in fields)
    return frame(HEADERS, END_HEADERS, 1, block)


def message(body=b""):
    """A gRPC message, not compressed."""
    return b"\0" + struct.pack(">I", len(body)) + body


def call(path, body=b""):
    """The bytes of a connection that makes one call with a small message."""
    return HELLO + headers(path) + frame(DATA, END_STREAM, 1, message(body))


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(path))
    return client


class Connection:
    """One call that sends as much as the peer's windows let it."""

    def __init__(self, path):
        self.socket = connect(path)
        self.buffer, self.answer = b"", b""
        self.window = {0: 65535, 1: 65535}
        self.over = False

    def read_frame(self):
        """False at the end of the connection or of the call."""
        def fill(size):
            while len(self.buffer) < size:
                more = b""
                with contextlib.suppress(ConnectionError):
                    more = self.socket.recv(1 << 16)
                if not more:
                    return False
                self.buffer += more
            return True

        if not fill(9):
            self.over = True
            return False
        size, kind, flags = int.from_bytes(self.buffer[:3], "big"), self.buffer[3], self.buffer[4]
        stream = int.from_bytes(self.buffer[5:9], "big")
        if not fill(9 + size):
            self.over = True
            return False
        payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        if kind == WINDOW_UPDATE:
            self.window[stream] += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & SETTINGS_ACK:
            for at in range(0, size, 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:  # SETTINGS_INITIAL_WINDOW_SIZE
                    self.window[1] += value - 65535
            self.socket.sendall(frame(SETTINGS, SETTINGS_ACK, 0))
        elif kind == PING and not flags:
            self.socket.sendall(frame(PING, 1, 0, payload))
        elif kind in (HEADERS, DATA):
            self.answer += payload
        if kind in (GOAWAY, RST_STREAM) or (kind == HEADERS and flags & END_STREAM):
            self.over = True
        return not self.over

    def send(self, path, size):
        """Calls `path` with a message of `size` zeros; returns how many bytes of it went out. `answer` has what came back."""
        self.socket.sendall(HELLO + headers(path))
        sent, data = 0, message()[:1] + struct.pack(">I", size)
        with contextlib.suppress(ConnectionError):
            while sent < size + 5:
                part = min(MAX_FRAME, size + 5 - sent, min(self.window.values()))
                if part <= 0:
                    if not self.read_frame():
                        return sent
                    continue
                payload = (data + bytes(part))[:part] if sent == 0 else bytes(part)
                self.socket.sendall(frame(DATA, END_STREAM if sent + part == size + 5 else 0, 1, payload))
                sent += part
                for stream in self.window:
                    self.window[stream] -= part
            while self.read_frame():
                pass
        return sent

    def close(self):
        self.socket.close()
