/*
 * Root's way to files: what is written is whole and has its owner, links and mount points are not crossed, and a folder
 * that others could exchange is not opened.
 */
#include "unit.h"

#include "root/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static int dir;

static int setup(void **state)
{
    strcpy(folder, "/srv/pv-files-XXXXXX");
    if (!mkdtemp(folder) || (dir = open(folder, O_RDONLY | O_DIRECTORY)) < 0)
        return -1;
    return pool_make(state);
}

static int teardown(void **state)
{
    static const char *const names[] = {"file", "link", "loop", "fifo", "sub/inner", "moved"};
    for (size_t i = 0; i < COUNT(names); i++)
        unlinkat(dir, names[i], 0);
    unlinkat(dir, "sub/deep", AT_REMOVEDIR);
    unlinkat(dir, "sub", AT_REMOVEDIR);
    close(dir);
    assert_int_equal(rmdir(folder), 0);
    return pool_end(state);
}

static void a_file_is_written_whole_with_mode_and_owner(void **state)
{
    char *text;
    size_t len;
    struct stat st;
    assert_int_equal(pv_file_write(dir, "file", "one", 3, 0600, 0, 0), 0);
    assert_int_equal(pv_file_write(dir, "file", "a\0b", 3, 0440, 70000, 70001), 0);
    assert_int_equal(pv_file_read(&text, &len, dir, "file", 3, *state), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a\0b", 4);
    assert_int_equal(fstatat(dir, "file", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(st.st_uid, 70000);
    assert_int_equal(st.st_gid, 70001);
}

static void what_a_killed_writer_left_does_not_hinder(void **state)
{
    char **names;
    int fd = openat(dir, ".file.new", O_WRONLY | O_CREAT, 0600);
    close(fd);
    assert_int_equal(pv_file_write(dir, "file", "x", 1, 0600, 0, 0), 0);
    assert_int_equal(faccessat(dir, ".file.new", F_OK, 0), -1);
    assert_int_equal(pv_dir_list(&names, dir, *state), 0);
    assert_string_equal(names[0], "file");
    assert_null(names[1]);
}

static void only_regular_files_of_a_size_are_read(void **state)
{
    char *text;
    assert_int_equal(pv_file_write(dir, "file", "12345", 5, 0600, 0, 0), 0);
    assert_int_equal(symlinkat("file", dir, "link"), 0);
    assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
    static const struct {
        const char *name;
        int error;
    } rows[] = {{"file", EFBIG}, {"link", ELOOP}, {"fifo", EINVAL}, {"none", ENOENT}, {".", EINVAL}, {"../x", EXDEV}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pv_file_read(&text, NULL, dir, rows[i].name, 4, *state), -1);
        assert_int_equal(errno, rows[i].error);
    }
}

static void folders_are_made_repaired_and_never_reached_through_links(void **state)
{
    struct stat st;
    int fd = pv_dir_make(dir, "sub", 0750, 70000, 33);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0777), 0);
    close(fd);
    fd = pv_dir_make(dir, "sub", 0750, 70000, 33);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(st.st_gid, 33);
    assert_int_equal(mkdirat(fd, "deep", 0700), 0);
    close(fd);
    fd = pv_dir_open(dir, "sub/deep");
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlinkat("sub", dir, "link"), 0);
    assert_int_equal(pv_dir_make(dir, "link", 0700, 0, 0), -1);
    assert_int_equal(pv_dir_open(dir, "link/deep"), -1);
    assert_int_equal(pv_dir_open(dir, "sub/../../"), -1);
    assert_int_equal(pv_dir_open(dir, "/srv"), -1);
}

static void mount_points_are_not_crossed(void **state)
{
    int root = open("/", O_PATH | O_DIRECTORY);
    assert_int_equal(pv_open(root, "proc/self", O_PATH), -1);
    assert_int_equal(errno, EXDEV);
    int fd = pv_open_over(root, "proc/version", O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
    close(root);
}

static void a_path_is_opened_where_only_root_can_change_it(void **state)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/sub//deep/", folder);
    int fd = pv_dir_make_path(path, 0711);
    struct stat st;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    close(fd);
    assert_int_equal(fstatat(dir, "sub", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    fchmodat(dir, "sub", 0775, 0);
    assert_int_equal(pv_dir_open_path(path, 1), -1);
    assert_int_equal(errno, EPERM);
    fd = pv_dir_open_path(path, 0);
    assert_true(fd >= 0);
    close(fd);
    fchmodat(dir, "sub", 01777, 0); /* as /tmp: what root has in it is safe */
    fd = pv_dir_open_path(path, 1);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(pv_dir_open_path("srv", 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(symlinkat("sub", dir, "link"), 0);
    snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(pv_dir_make_path(path, 0755), -1);
    assert_int_equal(errno, ELOOP);
}

static void removal_and_rename_are_for_what_is_there(void **state)
{
    assert_int_equal(pv_file_write(dir, "file", "x", 1, 0600, 0, 0), 0);
    assert_int_equal(pv_file_rename(dir, "file", dir, "moved"), 0);
    assert_int_equal(pv_file_rename(dir, "file", dir, "moved"), -1);
    assert_int_equal(pv_file_remove(dir, "moved"), 0);
    assert_int_equal(pv_file_remove(dir, "moved"), 0);
}

static void a_memory_file_cannot_be_changed(void **state)
{
    char buf[8];
    int fd = pv_memfd("test", "bytes", 5);
    assert_int_equal(read(fd, buf, sizeof(buf)), 5);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_file_is_written_whole_with_mode_and_owner),
        FILE_TEST(what_a_killed_writer_left_does_not_hinder),
        FILE_TEST(only_regular_files_of_a_size_are_read),
        FILE_TEST(folders_are_made_repaired_and_never_reached_through_links),
        FILE_TEST(mount_points_are_not_crossed),
        FILE_TEST(a_path_is_opened_where_only_root_can_change_it),
        FILE_TEST(removal_and_rename_are_for_what_is_there),
        FILE_TEST(a_memory_file_cannot_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
