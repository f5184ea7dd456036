"""Backups of real sites, from the command line: taken, damaged, restored, deleted, and nothing lost when a restore fails."""

import hashlib
import os
import subprocess

import pytest

from lab import Lab, difference

HOST, PAGES = "shop.test", "pages.test"


@pytest.fixture(scope="module", name="yard")
def fixture_yard():
    """A lab with one WordPress and one static site."""
    with Lab() as lab:
        lab.start().with_server().with_wordpress().with_static()
        lab.install_wordpress(HOST)
        lab.install(PAGES, "pages")
        yield lab


def backups(lab, host=HOST):
    return sorted((row for row in lab.must("list", "backup") if row["name"] == host), key=lambda row: row["made"])


def back_up(lab, host=HOST, *fields):
    lab.must("backup", f"@{host}", *fields)
    return backups(lab, host)[-1]


def folder(lab, host, path=""):
    return f"{lab.folder}/sites/{lab.site(host)['id']}/{path}"


def put(lab, host, path, text):
    """A file of the site's own."""
    name = folder(lab, host, path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run(["chown", "-R", f"{lab.site(host)['uid']}", os.path.dirname(name)], check=True)


def sql(lab, host, statement):
    site = lab.site(host)
    return lab.database.ask(f"USE {site['id']}d{site['dbgen']}; {statement}")


def title(lab, host):
    return sql(lab, host, "SELECT option_value FROM wp_options WHERE option_name = 'blogname'")


def archive(lab, row):
    return f"{lab.folder}/backups/{row['site']}.{row['bid']}.tar.zst"


def members(path):
    done = subprocess.run(["tar", "-I", "zstd", "-tf", path], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_backup_holds_files_and_database_and_is_roots(yard):
    put(yard, HOST, "data/files/kept.txt", "kept")
    row = back_up(yard, HOST, "description=before the sale")
    info = os.stat(archive(yard, row))
    assert (info.st_mode & 0o7777, info.st_uid, info.st_size) == (0o600, 0, row["size"])
    with open(archive(yard, row), "rb") as f:
        assert hashlib.sha256(f.read()).hexdigest() == row["sha256"]
    names = members(archive(yard, row))
    assert names[0] == "data/" and names[-1] == "manifest.json" and "db/000001.sql" in names and "data/files/kept.txt" in names
    assert row["description"] == "before the sale" and row["database"] is True
    yard.must("backup_delete", f"@{HOST}", f"bid={row['bid']}")
    assert not os.path.exists(archive(yard, row)) and row["bid"] not in [r["bid"] for r in backups(yard)]


def test_no_credential_is_in_an_archive(yard):
    with open(folder(yard, HOST, "etc/db"), "rb") as f:
        secret = f.read().strip()
    row = back_up(yard)
    plain = subprocess.run(["zstd", "-dc", archive(yard, row)], capture_output=True, check=True).stdout
    assert len(secret) == 32 and secret not in plain and b"DB_PASSWORD" in plain


def test_what_was_damaged_is_restored_and_what_was_live_is_gone(yard):
    put(yard, HOST, "data/files/photo.txt", "the photo")
    row = back_up(yard)
    old = sql(yard, HOST, "SELECT option_name, option_value FROM wp_options ORDER BY 1")
    site = yard.site(HOST)
    os.unlink(folder(yard, HOST, "data/files/photo.txt"))
    put(yard, HOST, "data/files/defaced.html", "defaced")
    sql(yard, HOST, "UPDATE wp_options SET option_value = 'Defaced' WHERE option_name = 'blogname'")
    sql(yard, HOST, "CREATE TABLE stolen (a INT)")
    with yard.probing(PAGES, "/", f"Title of {PAGES}"):
        yard.must("restore", f"@{HOST}", f"bid={row['bid']}")
    assert f"Title of {HOST}" in yard.get(HOST)[1] and yard.site(HOST)["dbgen"] == str(int(site["dbgen"]) + 1)
    with open(folder(yard, HOST, "data/files/photo.txt"), encoding="utf-8") as f:
        assert f.read() == "the photo"
    assert not os.path.exists(folder(yard, HOST, "data/files/defaced.html"))
    kept = "SELECT option_name, option_value FROM wp_options WHERE option_name NOT LIKE '%transient%' AND option_name NOT IN ('cron', 'rewrite_rules') ORDER BY 1"
    assert "Defaced" not in str(sql(yard, HOST, kept)) and f"Title of {HOST}" in str(old)
    assert f"{site['id']}d{site['dbgen']}" not in yard.database.databases()
    assert os.listdir(f"{yard.folder}/sites/.next") == []
    assert yard.provision("verify", f"@{HOST}", "--json").code == 0
    assert yard.must("doctor") == []


def test_what_a_table_can_hold_comes_back(yard):
    """A row near the server's limit, and what no text can be made of."""
    sql(yard, HOST, "CREATE TABLE odd (big LONGBLOB, fixed BINARY(12), bits BIT(12), place POINT, latin VARCHAR(9) CHARACTER SET latin1);"
        "INSERT INTO odd VALUES (REPEAT(CONCAT(RANDOM_BYTES(1000), 0x00271A5C220A0D), 12000), 0x00271A5C220A0DFF80C3, b'101000100111', "
        "POINT(1.5, -2), CONVERT(0xE4F6FC USING latin1))")
    told = "SELECT LENGTH(big), MD5(big), HEX(fixed), HEX(bits), ST_AsText(place), HEX(latin) FROM odd"
    before = sql(yard, HOST, told)
    row = back_up(yard)
    sql(yard, HOST, "DROP TABLE odd")
    yard.must("restore", f"@{HOST}", f"bid={row['bid']}", "only=database")
    assert sql(yard, HOST, told) == before and "12084000" in str(before)
    sql(yard, HOST, "DROP TABLE odd")


def test_only_the_database(yard):
    row = back_up(yard)
    put(yard, HOST, "data/files/new.txt", "newer than the backup")
    sql(yard, HOST, "UPDATE wp_options SET option_value = 'Wrong' WHERE option_name = 'blogname'")
    yard.must("restore", f"@{HOST}", f"bid={row['bid']}", "only=database")
    assert f"Title of {HOST}" in yard.get(HOST)[1] and os.path.exists(folder(yard, HOST, "data/files/new.txt"))


def test_only_the_files(yard):
    row = back_up(yard)
    put(yard, HOST, "data/files/later.txt", "later")
    sql(yard, HOST, "UPDATE wp_options SET option_value = 'Renamed' WHERE option_name = 'blogname'")
    yard.must("restore", f"@{HOST}", f"bid={row['bid']}", "only=files")
    assert "Renamed" in yard.get(HOST)[1] and not os.path.exists(folder(yard, HOST, "data/files/later.txt"))
    sql(yard, HOST, f"UPDATE wp_options SET option_value = 'Title of {HOST}' WHERE option_name = 'blogname'")


def test_a_site_without_a_database(yard):
    row = back_up(yard, PAGES)
    assert row["database"] is False
    put(yard, PAGES, "data/public/index.html", "<title>gone</title>")
    done = yard.provision("restore", f"@{PAGES}", f"bid={row['bid']}", "only=database", "--json")
    assert (done.code, done.json["field"]) == (2, "only")
    yard.must("restore", f"@{PAGES}", f"bid={row['bid']}")
    assert f"Title of {PAGES}" in yard.get(PAGES)[1]


def test_a_disabled_site_stays_disabled(yard):
    row = back_up(yard, PAGES)
    yard.must("disable", f"@{PAGES}")
    yard.must("restore", f"@{PAGES}", f"bid={row['bid']}")
    assert yard.get(PAGES)[0] == 503
    yard.must("enable", f"@{PAGES}")
    assert yard.get(PAGES)[0] == 200


def flip(path):
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))


def test_a_restore_that_fails_leaves_the_live_site_bit_identical(yard):
    row = back_up(yard)
    flip(archive(yard, row))
    before, body = yard.inventory(), yard.get(HOST)[1]
    for fields in ([], ["only=database"], ["only=files"]):
        done = yard.provision("restore", f"@{HOST}", f"bid={row['bid']}", *fields, "--json")
        assert (done.code, done.json["code"]) == (5, "ARCHIVE_BAD"), done
        assert difference(before, yard.inventory()) == []
    assert yard.get(HOST)[1] == body
    flip(archive(yard, row))


def test_a_restore_whose_site_does_not_work_is_undone(yard):
    row = back_up(yard)
    before = yard.inventory()
    broken = f"{yard.folder}/platforms/wordpress/wp-content/index.php"
    os.rename(f"{yard.folder}/platforms/wordpress/wp-load.php", broken + ".away")
    try:
        done = yard.provision("restore", f"@{HOST}", f"bid={row['bid']}", "--json")
    finally:
        os.rename(broken + ".away", f"{yard.folder}/platforms/wordpress/wp-load.php")
    assert done.code == 5 and done.json["state"] == "failed", done
    yard.await_inventory(before)


def test_another_sites_backup_is_none(yard):
    row = back_up(yard, PAGES)
    done = yard.provision("restore", f"@{HOST}", f"bid={row['bid']}", "--json")
    assert (done.code, done.json["code"], done.json["field"]) == (3, "NO_OBJECT", "bid")


def test_fetch_gives_the_archive(yard, tmp_path):
    row = back_up(yard)
    told = yard.must("fetch", row["bid"], str(tmp_path / "copy"))
    with open(archive(yard, row), "rb") as f:
        assert (tmp_path / "copy").read_bytes() == f.read() and told["sha256"] == row["sha256"]
    assert yard.provision("fetch", row["bid"], str(tmp_path / "copy")).code == 6  # it is there already
    done = yard.provision("fetch", "baaaaaaaaaaaa", str(tmp_path / "none"), "--json")
    assert (done.code, done.json["code"]) == (3, "NO_OBJECT") and not (tmp_path / "none").exists()


def test_a_deleted_site_comes_back_from_its_last_backup(yard):
    clean = yard.inventory()
    yard.install_wordpress("old.test")
    put(yard, "old.test", "data/files/memory.txt", "memory")
    yard.must("delete", "@old.test")
    (last,) = backups(yard, "old.test")
    assert last["description"] == "before it was deleted"
    gone = yard.inventory()
    flip(archive(yard, last))
    assert yard.provision("restore", "@old.test", f"bid={last['bid']}").code == 5
    assert difference(gone, yard.inventory()) == []
    flip(archive(yard, last))
    yard.must("restore", "@old.test", f"bid={last['bid']}")
    assert "Title of old.test" in yard.get("old.test")[1]
    with open(folder(yard, "old.test", "data/files/memory.txt"), encoding="utf-8") as f:
        assert f.read() == "memory"
    assert yard.provision("verify", "@old.test").code == 0
    yard.must("delete", "@old.test", "backup=no")
    assert backups(yard, "old.test") == [last]
    yard.must("backup_delete", "@old.test", f"bid={last['bid']}")
    assert backups(yard, "old.test") == [] and os.listdir(f"{yard.folder}/sites/.next") == []
    yard.await_inventory(clean)
