"""`--alluredir`: allure-pytest's results say of each case what podwire's own writer says."""

import json
import stat
from types import SimpleNamespace

import pytest
from allure_commons import model2
from running import run

from podwire.redaction import keep_secret
from podwire.testing.allure import KNOWN, RedactingLogger

SOME = ("--requirement", "TTL-CLASS", "--requirement", "ICMP-EXTERNAL", "--family", "ipv4")
FAULT = ("--fault", "ttl-of-linux-on-windows")
SECRET = "Zq8-Rv3_xT9w!k2"


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "workers"])
def broken(request, tmp_path_factory):
    """A run with passed, failed and skipped cases, and the folder of allure-pytest, which was there before."""
    folder = tmp_path_factory.mktemp("allure")
    (folder / "of-an-older-run-result.json").write_text('{"uuid": "older"}')
    return run(tmp_path_factory.mktemp("run"), *SOME, *FAULT, "--alluredir", str(folder), *request.param), folder


def of_each_case(folder):
    """What the results in a folder say, by case id: the attachments with their contents."""
    results = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    return {result["fullName"]: comparable(result, folder) for result in results if "fullName" in result}


def comparable(result, folder):
    attachments = [
        (item["name"], item["type"], (folder / item["source"]).read_bytes()) for item in result.get("attachments", ())
    ]
    pairs = {
        "labels": sorted((item["name"], item["value"]) for item in result["labels"]),
        "parameters": [(item["name"], item["value"]) for item in result["parameters"]],
        "links": [(item["type"], item["url"], item["name"]) for item in result.get("links", ())],
        "steps": [
            (step["name"], step["status"], step.get("statusDetails"), step["start"]) for step in result.get("steps", ())
        ],
        "attachments": attachments,
    }
    words = ("name", "status", "statusDetails", "description", "historyId", "testCaseId", "titlePath", "start", "stop")
    return pairs | {word: result.get(word) for word in words}


def test_both_ways_to_allure_say_the_same_of_each_case(broken):
    done, folder = broken
    assert done.code == 1, done.text
    of_the_record = of_each_case(done.folder / "allure-results")
    assert of_each_case(folder) == of_the_record
    assert {result["status"] for result in of_the_record.values()} == {"passed", "failed", "skipped"}
    failed = [result for result in of_the_record.values() if result["status"] == "failed"]
    assert all({"cause", "outcome"} <= {name for name, _ in result["labels"]} for result in failed)
    assert all(len(result["attachments"]) > 2 and result["links"] and result["steps"] for result in failed)


def test_the_folder_keeps_results_of_other_runs_and_gets_environment_and_categories(broken):
    done, folder = broken
    assert (folder / "of-an-older-run-result.json").read_text() == '{"uuid": "older"}'
    for name in ("environment.properties", "categories.json"):
        assert (folder / name).read_bytes() == (done.folder / "allure-results" / name).read_bytes()


def test_evidence_in_the_folder_is_a_copy(broken):
    """Whoever changes it changes nothing of the run, which is sealed."""
    _, folder = broken
    assert all(path.stat().st_nlink == 1 for path in folder.iterdir())


def test_a_folder_that_cannot_be_made_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "file").touch()
    done = run(tmp_path / "run", *SOME, "--alluredir", str(tmp_path / "file"))
    assert done.code == 2
    assert done.text.strip() == f"podwire: --alluredir {tmp_path / 'file'}: is not a folder; choose another one"


@pytest.fixture
def logger(tmp_path):
    keep_secret(SECRET)
    return RedactingLogger(tmp_path / "results", SimpleNamespace(stash={KNOWN: {}}))


def test_parameters_steps_and_attachments_lose_their_secrets(logger, tmp_path):
    result = model2.TestResult(
        uuid="u",
        name=f"case {SECRET}",
        parameters=[model2.Parameter(name="token", value=SECRET)],
        steps=[model2.TestStepResult(name=f"step {SECRET}", statusDetails=model2.StatusDetails(message=SECRET))],
    )
    logger.report_result(result)
    logger.report_container(model2.TestResultContainer(uuid="c", befores=[model2.TestBeforeResult(name=SECRET)]))
    logger.report_attached_data(f"out {SECRET}", "text-attachment.txt")
    logger.report_attached_data(f"out {SECRET}".encode(), "bytes-attachment.txt")
    (tmp_path / "log").write_text(SECRET)
    logger.report_attached_file(str(tmp_path / "log"), "file-attachment.txt")
    files = list((tmp_path / "results").iterdir())
    assert len(files) == 5
    assert all("[redacted]" in path.read_text() and SECRET not in path.read_text() for path in files)


def test_an_attached_file_that_is_no_text_stays_as_it_is_and_has_the_mode_of_a_new_file(logger, tmp_path):
    source, new = tmp_path / "frames", tmp_path / "new"
    source.write_bytes(b"\xd4\xc3\xb2\xa1")
    source.chmod(0o700)
    new.touch()
    logger.report_attached_file(str(source), "frames.pcap")
    written = tmp_path / "results" / "frames.pcap"
    assert written.read_bytes() == b"\xd4\xc3\xb2\xa1"
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(new.stat().st_mode)
