"""What `up` is asked for: kept from the last time, checked, and refused where it would harm."""

from pathlib import Path

import pytest

from annotation.campaign import Campaign, StudioConfig, absolute_store, load_campaign, save_campaign
from annotation.home import Home
from annotation.servers.up_settings import Asked, plan_campaign
from pipelines.services.llm_config import LlmConfig
from schemas.errors import UsageError
from tests.annotation.conftest import make_store


@pytest.fixture
def store(tmp_path: Path) -> str:
    return make_store(tmp_path / "store")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def kept(home: Home, campaign: Campaign) -> None:
    home.make()
    home.secrets.touch(0o600)
    save_campaign(home, campaign)


def test_the_first_time_has_defaults(home: Home, store: str) -> None:
    assert plan_campaign(home, Asked(store)) == Campaign(store, StudioConfig(), LlmConfig())
    assert not home.root.exists()


def test_what_is_not_given_stays(home: Home, store: str) -> None:
    studio = StudioConfig(9000, "postgresql://me@db/x", "https://label.example.org", 9001)
    before = Campaign(store, studio, LlmConfig("http://llm/v1", "large", "MY_KEY"))
    kept(home, before)
    assert plan_campaign(home, Asked(store)) == before
    after = plan_campaign(home, Asked(store, port=9005, public_url="", llm_model="small"))
    assert after.studio == StudioConfig(9005, studio.database, "", 9001)
    assert after.llm == LlmConfig("http://llm/v1", "small", "MY_KEY")
    embedded = plan_campaign(home, Asked(store, llm_base_url="", llm_model="", api_key_env=""))
    assert embedded.llm == LlmConfig()


def test_a_campaign_keeps_its_store_and_its_database(
    home: Home, store: str, tmp_path: Path
) -> None:
    kept(home, Campaign(store))
    other = make_store(tmp_path / "other")
    with pytest.raises(UsageError, match=r"works on .*store, not on .*other.*--home"):
        plan_campaign(home, Asked(other))
    with pytest.raises(UsageError, match=r"keeps what people did in SQLite.*--home"):
        plan_campaign(home, Asked(store, database="postgresql://me@db/x"))


def test_a_store_is_the_same_from_every_folder(
    home: Home, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(store).parent)
    kept(home, Campaign(store))
    for form in ("store", "./store/", f"file://{store}", f"{store}/"):
        assert load_campaign(home, form).store == store
        assert plan_campaign(home, Asked(form)).store == store
    assert absolute_store("gs://bucket/x/") == "gs://bucket/x"
    assert absolute_store("memory://x") == "memory://x"


def test_a_remote_store_will_do(home: Home) -> None:
    from schemas.records import Image
    from schemas.store import Store
    from tests import toy_store

    picture = toy_store.image("first.png", toy_store.picture(1))
    toy_store.put(Store("memory://annotate-up"), "images", 0, Image, [picture])
    assert plan_campaign(home, Asked("memory://annotate-up/")).store == "memory://annotate-up"


@pytest.mark.parametrize("name", ["", "images", "release/deep"])
def test_a_home_inside_a_store_is_refused(store: str, name: str) -> None:
    with pytest.raises(UsageError, match=r"lies in the store .*--home"):
        plan_campaign(Home(Path(store, name)), Asked(store))


def test_a_home_inside_another_store_is_refused(store: str, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other")
    with pytest.raises(UsageError, match=r"lies in the store .*other"):
        plan_campaign(Home(Path(other, "home")), Asked(store))


@pytest.mark.parametrize("where", ["nowhere", "empty", "memory://annotate-nowhere"])
def test_a_store_that_is_not_there_is_refused(home: Home, tmp_path: Path, where: str) -> None:
    (tmp_path / "empty").mkdir()
    url = where if "://" in where else str(tmp_path / where)
    with pytest.raises(UsageError, match=r"no store here; `pixmo ingest` makes one"):
        plan_campaign(home, Asked(url))
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_with_other_files_is_no_home(store: str, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").touch()
    with pytest.raises(UsageError, match="holds other files"):
        plan_campaign(Home(tmp_path / "letters"), Asked(store))


@pytest.mark.parametrize(
    "url",
    ["mysql://me@db/x", "postgresql://db/x", "postgresql://me@db", "db", "postgresql://me@db:x/y"],
)
def test_a_database_of_another_form_is_refused(home: Home, store: str, url: str) -> None:
    with pytest.raises(UsageError, match="--database"):
        plan_campaign(home, Asked(store, database=url))


def test_a_password_in_the_database_url_is_refused(home: Home, store: str) -> None:
    with pytest.raises(UsageError, match="PIXMO_STUDIO_DATABASE_PASSWORD") as error:
        plan_campaign(home, Asked(store, database="postgresql://me:hush@db/x"))
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["http://label.example.org", "label.example.org", "https://h/path", "https://me@h", "https://"],
)
def test_a_public_url_of_another_form_is_refused(home: Home, store: str, url: str) -> None:
    with pytest.raises(UsageError, match="--public-url"):
        plan_campaign(home, Asked(store, public_url=url))


def test_a_public_url_has_no_slash_at_its_end(home: Home, store: str) -> None:
    url = "https://label.example.org:8443/"
    assert plan_campaign(home, Asked(store, public_url=url)).studio.public_url == url[:-1]
