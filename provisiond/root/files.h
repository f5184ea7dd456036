/*
 * Files as root: relative to a directory that is held open, openat2 without links, new name + fsync + rename + fsync of
 * the folder. All return a descriptor or 0, or -1 with errno. Nothing here follows a link or leaves its folder.
 */
#ifndef PV_ROOT_FILES_H
#define PV_ROOT_FILES_H

#include <apr_pools.h>
#include <sys/types.h>

/* Start-up only: opens an absolute folder; with `strict`, it and all above it must be root's and not writable by
 * others. */
int pv_dir_open_path(const char *path, int strict);

/* The same, strictly, and what is missing of it is made: MODE for the folder itself, 0755 for those above. Links are
 * refused. */
int pv_dir_make_path(const char *path, mode_t mode);

/* openat2(BENEATH | NO_SYMLINKS | NO_MAGICLINKS | NO_XDEV) with the open flags FLAGS (close-on-exec is added). */
int pv_open(int dir, const char *name, int flags);

/* The same, but mount points may be crossed. */
int pv_open_over(int dir, const char *name, int flags);

/* The same for a folder; NAME may have several components. */
int pv_dir_open(int dir, const char *name);

/* Makes it where it is missing and sets mode and owner on its descriptor either way; returns the descriptor. */
int pv_dir_make(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid);

/* A regular file's bytes, terminated, in P; EFBIG above MAX; a link, fifo or device is ELOOP or EINVAL. */
int pv_file_read(char **ret, size_t *len, int dir, const char *name, size_t max, apr_pool_t *p);

/* Writes the whole file durably under its final name with its final mode and owner. */
int pv_file_write(int dir, const char *name, const char *bytes, size_t len, mode_t mode, uid_t uid, gid_t gid);

/* Durable rename and removal; removing what is not there is no error. */
int pv_file_rename(int fromdir, const char *from, int todir, const char *to);
int pv_file_remove(int dir, const char *name);

/* Names in a folder (no dots), sorted, in P; terminated by NULL. */
int pv_dir_list(char ***ret, int dir, apr_pool_t *p);

/* The text of a link as data (a registry entry), at most SIZE-1 bytes. */
int pv_link_read(char *buf, size_t size, int dir, const char *name);

/* Closes FD, keeps errno, and gives -1: the end of a function that has failed. */
int pv_close(int fd);

/* A sealed memfd with these bytes, for a reply. */
int pv_memfd(const char *name, const char *bytes, size_t len);

#endif
