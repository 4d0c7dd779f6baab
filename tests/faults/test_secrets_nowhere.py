"""A secret that is planted at every source is found on no stream and in no file of a run."""

import gzip
import html
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from fake_run import lay_out

HERE = Path(__file__).parents[2]
PATIENCE = 300
SECRETS = {
    "token": "tok.en-0f-the-kubeconfig+7d1",
    "path": "proxied/clusters/c-8f3a77",
    "plugin": "token-that-a-plugin-gave-4711",
    "variable": 'pass"word & <more> 99',
    "renewed": "token-that-was-renewed-0815",
}
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
FORMS = {"bearer": "Bearer abcdef.123456-xyz", "jwt": JWT, "url": "https://me:s3cr3tpw@proxy.example/"}
PLANTED = {**SECRETS, "bearer": "abcdef.123456-xyz", "jwt": JWT, "url": "s3cr3tpw"}
"""What must be found nowhere."""

# Each case of the run meets the secrets at another place, as a cluster, a library or a suite might tell them.
SOURCES = """
import json, logging, os, sys, threading, warnings
import podwire.redaction
from podwire.redaction import keep_secret, keep_url_secret

SECRETS, FORMS = json.loads(os.environ["PLANTED"])
for name in ("token", "plugin"):
    keep_secret(SECRETS[name])
keep_url_secret("https://host/" + SECRETS["path"])
ALL = " ; ".join([*SECRETS.values(), *FORMS.values()])

def say_all():
    print("stdout", ALL)
    print("stderr", ALL, file=sys.stderr)
    for one in [*SECRETS.values(), *FORMS.values()]:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            for at in range(0, len(one), 3):
                stream.write(one[at:at + 3])
                stream.flush()
            stream.write("\\n")
    sys.stdout.buffer.write(ALL.encode() + b"\\n")
    sys.stderr.writelines([ALL, "\\n"])
    logging.getLogger("urllib3").warning("asked %s", ALL)
    try:
        raise KeyError(ALL)
    except KeyError:
        logging.getLogger("websocket").exception("it broke: %s", ALL)
    warnings.warn(ALL)
    thread = threading.Thread(target=lambda: 1 / 0 if not ALL else [].remove(ALL))
    thread.start()
    thread.join()
"""
TESTS = """
import pytest
from planted import ALL, SECRETS, say_all
from podwire import ANY_OS, answered_by, flows, requirement

@requirement("ONE")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_one(flow, case):
    say_all()
    case.expect(answered_by(flow.server))

@requirement("TWO")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_two(flow, case):
    say_all()
    a_local_variable = [ALL, {"of": SECRETS}]
    raise RuntimeError(f"it broke: {ALL}")
"""
CONFTEST = """

import planted

@podwire.testing.session.pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    planted.say_all()

_seen = seen

def seen(case, silent=False):
    planted.keep_secret(planted.SECRETS["renewed"])
    observation = _seen(case, silent)
    if "windows" in case.id:
        return structs.replace(observation, problem=planted.ALL)
    return structs.replace(observation, bindings={**observation.bindings, "client.node": planted.ALL})
"""


class Folder:
    """What `lay_out` asks of pytester, which is for runs in this process and its own."""

    def __init__(self, path):
        self.path = path

    def mkdir(self, name):
        (self.path / name).mkdir()
        return self.path / name

    def makeconftest(self, text):
        (self.path / "conftest.py").write_text(text + CONFTEST)

    def makeini(self, text):
        (self.path / "pytest.ini").write_text(text)


@pytest.fixture
def checkout(tmp_path):
    lay_out(Folder(tmp_path), HERE / "tests" / "helpers", HERE / "fixtures", tests=TESTS)
    (tmp_path / "planted.py").write_text(SOURCES)
    return tmp_path


def run(folder, *arguments, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PLANTED": json.dumps([SECRETS, FORMS]), "A_PASSWORD": SECRETS["variable"], **more}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--junitxml=pytest.xml", "--log-file=pytest.log", "-l", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout + b"\n" + done.stderr


def contents(folder):
    """What every file holds, unpacked as whoever reads it would."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.suffix in (".py", ".pyc", ".ini", ".pcap", ".sock"):
            continue
        data = file.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        yield file, data
        for packed in re.findall(rb"H4sI[A-Za-z0-9+/=]+", data):
            yield file, gzip.decompress(b64decode(packed))


def spellings(secret):
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1]
    yield html.escape(secret)
    yield quote(secret, safe="")
    yield b64encode(secret.encode()).decode()


def found(told):
    """Which secrets are in what was told, by their names."""
    return {
        name
        for name, secret in PLANTED.items()
        for one in spellings(secret)
        if re.sub(r"\s+", "", one).encode() in told
    }


def leaks(folder, said):
    told = {"streams": said, **{str(file.relative_to(folder)): data for file, data in contents(folder)}}
    return {place: names for place, data in told.items() if (names := found(re.sub(rb"\x1b\[[0-9;]*m|\s+", b"", data)))}


@pytest.mark.parametrize(
    "more", [(), ("-s",), ("-n", "2"), ("--capture=sys",)], ids=lambda more: " ".join(more) or "fd"
)
def test_no_stream_and_no_file_of_a_run_tells_a_secret(checkout, more):
    said = run(checkout, *more)
    assert (checkout / "run" / "run.json").is_file(), said.decode()
    assert b"[redacted]" in said
    assert b"[redacted]" in (checkout / "pytest.xml").read_bytes()
    assert leaks(checkout, said) == {}


def test_the_search_finds_them_where_nothing_is_redacted(checkout):
    """The same run with a redactor that lets everything pass: each secret is on a stream and in files of each kind."""
    file = checkout / "conftest.py"
    blind = "import podwire.redaction as r\nr.redacted = lambda text: text\nr.Pieces.add = lambda self, text: text\n"
    file.write_text(blind + file.read_text())
    said = run(checkout, "-p", "no:randomly")
    told = leaks(checkout, said)
    assert set().union(*told.values()) == set(PLANTED)
    assert told["streams"] == set(PLANTED)
    names = {Path(place).name for place in told}
    assert {"run.json", "junit.xml", "matrix.html", "observations.jsonl.gz", "pytest.xml", "pytest.log"} <= names
    shutil.rmtree(checkout / "run")
