"""What annotators see of Label Studio's answers."""

from typing import Any

from annotation.studio import blind
from annotation.studio.blind import Viewer

ADA = Viewer(3, "ada@pixmo.localhost")
GRACE = {"id": 4, "email": "grace@pixmo.localhost", "first_name": "grace", "avatar": "/g.png"}


def _annotation(number: int, author: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "completed_by": author, "result": [{"email": "in a picture"}], **more}


def _task() -> dict[str, Any]:
    return {
        "id": 1,
        "data": {"image": "/pixmo/pictures/0", "email": "as the task says"},
        "annotations": [
            _annotation(1, {"id": 3, "email": ADA.email}),
            _annotation(2, GRACE, created_username="grace grace@pixmo.localhost, 4"),
            _annotation(5, 4),
            _annotation(6, None),
            _annotation(7, 3, was_cancelled=True),
        ],
        "drafts": [{"id": 8, "user": ADA.email}, {"id": 9, "user": GRACE["email"]}, {"id": 10}],
        "predictions": [{"result": []}],
        "annotators": [3, 4],
        "annotations_results": "[{text: [no dog]}]",
        "annotations_ids": "1,2,5",
        "updated_by": [{"user_id": 4}],
        "avg_lead_time": 12.5,
        "completed_at": "2026-01-01",
        "total_annotations": 3,
        "is_labeled": True,
        "meta": {"gold": True},
        "a_field_of_a_newer_label_studio": GRACE,
    }


def test_a_task_shows_own_work_alone() -> None:
    seen = blind.task(_task(), ADA)
    assert [one["id"] for one in seen["annotations"]] == [1, 7]
    assert [one["id"] for one in seen["drafts"]] == [8]
    assert seen["total_annotations"] == 1
    assert seen["cancelled_annotations"] == 1
    assert "grace" not in str(seen)
    assert "no dog" not in str(seen)
    assert not {"avg_lead_time", "completed_at", "annotations_ids"} & set(seen)
    assert seen["meta"] == {}
    assert seen["data"] == _task()["data"]
    assert seen["annotations"][0]["result"] == [{"email": "in a picture"}]


def test_a_task_without_own_work_is_empty() -> None:
    seen = blind.task(_task(), Viewer(99, "eve@pixmo.localhost"))
    assert seen["annotations"] == seen["drafts"] == []
    assert not seen["is_labeled"]


def test_names_of_others_are_blank_wherever_they_are() -> None:
    project = {"id": 1, "created_by": GRACE, "members": [GRACE, {"email": ADA.email}]}
    seen = blind.no_names(project, ADA)
    assert seen["created_by"] == {"id": 4, "email": "", "first_name": "", "avatar": ""}
    assert seen["members"][1] == {"email": ADA.email}


def test_of_all_users_one_is_left() -> None:
    me = {"id": 3, "email": ADA.email, "active_organization_meta": {"email": "admin@x"}}
    seen = blind.own_account([GRACE, me], ADA)
    assert seen == [{**me, "active_organization_meta": {"email": ""}}]


def test_backends_keep_their_address_and_password() -> None:
    one = {"id": 1, "is_interactive": True, "url": "http://127.0.0.1:1", "basic_auth_user": "x"}
    assert blind.backends([one], ADA) == [{"id": 1, "is_interactive": True}]


def test_answers_of_another_shape_show_nothing() -> None:
    for value in (None, "x", 3, [1, "x"], {"annotations": "x"}):
        assert not blind.own_items(value, ADA)
        assert not blind.own_account(value, ADA)
        assert not blind.backends(value, ADA)
        assert not blind.task(value, ADA).get("annotations")
