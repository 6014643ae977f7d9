"""Drives one Python client for a story: a call as a line of JSON in, its result as a line of JSON out.

It says first which package it drives. A call names a client, one of its methods and the arguments, all as the client's own documentation does:

    {"client": "task_agent", "method": "get_secure_files", "arguments": {"project": "Main"}}

`{"$model": "SecureFile", "name": …}` is an object of the client's models, `{"$file": PATH}` an open file, `{"$bytes": N}`
a stream without a length. What a client streams is counted and digested, never printed. This file asserts nothing and
knows no route: that is what stories and clients are for. It lies beside one package, `vsts` or `azure-devops`.
"""

import datetime
import hashlib
import importlib.metadata
import io
import json
import os
import sys

from msrest.authentication import BasicAuthentication
from msrest.serialization import Model

URL, TOKEN = os.environ["COFFER_URL"], os.environ["COFFER_TOKEN"]
CREDENTIALS = BasicAuthentication("", TOKEN)

try:
    from azure.devops import _models as shared
    from azure.devops.connection import Connection

    PACKAGE = "azure-devops"

    def client_of(name, connection=Connection(base_url=URL, creds=CREDENTIALS)):
        return getattr(connection.clients_v7_1, f"get_{name}_client")()

except ImportError:
    from vsts import models as shared
    from vsts.vss_connection import VssConnection

    PACKAGE = "vsts"

    def client_of(name, connection=VssConnection(base_url=URL, creds=CREDENTIALS)):
        camel = "".join(part.title() for part in name.split("_"))
        return connection.get_client(f"vsts.{name}.v4_0.{name}_client.{camel}Client")


def models_of(client):
    package = type(client).__module__.rsplit(".", 1)[0]
    return sys.modules[package + ".models"]


class Endless(io.RawIOBase):
    """Bytes that come as they are read, so that nobody can ask how many there will be."""

    def __init__(self, length):
        super().__init__()
        self.left = length

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, buffer):
        length = min(len(buffer), self.left)
        buffer[:length] = b"\x07" * length
        self.left -= length
        return length


def argument(value, models):
    if isinstance(value, list):
        return [argument(item, models) for item in value]
    if not isinstance(value, dict):
        return value
    if "$file" in value:
        return open(value["$file"], "rb")
    if "$bytes" in value:
        return Endless(value["$bytes"])
    members = {name: argument(item, models) for name, item in value.items() if name != "$model"}
    if "$model" not in value:
        return members
    # What all clients share is not among the models of each.
    return (getattr(models, value["$model"], None) or getattr(shared, value["$model"]))(**members)


def plain(value):
    if isinstance(value, Model):
        # A class without a map holds whatever there was.
        names = getattr(value, "_attribute_map", None) or vars(value)
        return {name: plain(getattr(value, name)) for name in names if getattr(value, name) is not None}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "__iter__"):
        content = b"".join(value)
        return {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return repr(value)


def run(call):
    client = client_of(call["client"])
    models = models_of(client)
    arguments = {name: argument(value, models) for name, value in call["arguments"].items()}
    return plain(getattr(client, call["method"])(**arguments))


print(json.dumps({"package": PACKAGE, "version": importlib.metadata.version(PACKAGE)}), flush=True)
for line in sys.stdin:
    try:
        answer = {"ok": True, "result": run(json.loads(line))}
    except Exception as error:  # the client's own words are what a story asks for
        answer = {"ok": False, "error": type(error).__name__, "message": str(error), "key": getattr(error, "type_key", None)}
    print(json.dumps(answer), flush=True)
