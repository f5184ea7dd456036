/*
 * The registry of registry.h. Links are read with readlinkat and never followed. A kill between two links leaves a uid
 * that is taken by an id that has none yet: the same call again completes it.
 */
#include "root/registry.h"
#include "root/files.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Makes the link durably. 0: it says so now; -1 with EEXIST where it says something else. */
static int put(int dir, const char *name, const char *text)
{
    char is[PV_PLACE_TEXT];
    if (symlinkat(text, dir, name) == 0)
        return fsync(dir);
    if (errno != EEXIST || pv_link_read(is, sizeof(is), dir, name) != 0)
        return -1;
    errno = EEXIST;
    return strcmp(is, text) == 0 ? 0 : -1;
}

/* The id that has this uid is a platform that was forgotten: its folder may be adopted anew. */
static int released(const pv_root_t *root, const char *uid)
{
    char text[PV_PLACE_TEXT];
    pv_id_t id;
    return pv_link_read(text, sizeof(text), root->uids, uid) == 0 &&
           pv_id_parse(&id, text, strlen(text)) == APR_SUCCESS && pv_id_kind(&id) == PV_PLATFORM &&
           pv_registry_uid(root, &id) == 0;
}

int pv_registry_add(const pv_root_t *root, const pv_id_t *id, uid_t uid, int adopt)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", uid);
    int rc = put(root->uids, text, id->s);
    if (rc != 0 && errno == EEXIST && adopt && released(root, text)) {
        if (unlinkat(root->uids, text, 0) != 0)
            return -1;
        rc = put(root->uids, text, id->s);
    }
    return rc == 0 ? put(root->ids, id->s, text) : -1;
}

int pv_registry_put_place(const pv_root_t *root, const pv_id_t *platform, const pv_place_t *place)
{
    char text[PV_PLACE_TEXT];
    return put(root->places, platform->s, pv_place_text(text, place));
}

int pv_registry_forget(const pv_root_t *root, const pv_id_t *id)
{
    return pv_file_remove(root->places, id->s) == 0 ? pv_file_remove(root->ids, id->s) : -1;
}

uid_t pv_registry_uid(const pv_root_t *root, const pv_id_t *id)
{
    char text[16];
    uint64_t uid;
    if (pv_link_read(text, sizeof(text), root->ids, id->s) != 0 ||
        pv_num_parse(&uid, text, strlen(text), root->conf->UidRange.first, root->conf->UidRange.last) != APR_SUCCESS)
        return 0;
    return (uid_t)uid;
}

int pv_registry_place(const pv_root_t *root, const pv_id_t *platform, pv_place_t *ret)
{
    char text[PV_PLACE_TEXT];
    if (pv_link_read(text, sizeof(text), root->places, platform->s) != 0)
        return -1;
    return pv_place_parse(ret, text, strlen(text)) == APR_SUCCESS && ret->root < (unsigned)root->conf->PlatformRoot.n
               ? 0
               : -1;
}
