/*
 * provision: asks provisiond to do something, shows what it does, and ends with the exit code of errors.def. It runs as
 * the user who calls it, trusts nothing that comes over the socket, and opens nothing but its configuration and that
 * socket.
 */
#include "ctl/ctl.h"
#include <apr_general.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

static pv_command_fn *const commands[PV_COMMANDS] = {
#define COMMAND(name, word, args, options, help) pv_command_##name,
#include "ctl/commands.def"
};

/* Jansson would open /dev/urandom for this. */
static void seed_json(void)
{
    size_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || seed == 0)
        seed = (size_t)getpid();
    json_object_seed(seed);
}

static pv_code_t run(int argc, const char *const *argv, apr_pool_t *p)
{
    pv_ctl_t *ctl = apr_pcalloc(p, sizeof(*ctl));
    pv_err_t err;
    ctl->p = p;
    ctl->outcome = PV_OK;
    pv_view_open(&ctl->view, pv_words_json(argc - 1, argv + 1));
    apr_status_t rv = pv_words_parse(&ctl->words, argc - 1, argv + 1, &err, p);
    if (rv == APR_SUCCESS)
        rv = commands[ctl->words.command](ctl, &err);
    if (rv == APR_SUCCESS)
        return ctl->outcome;
    pv_view_error(&ctl->view, &err, p);
    return err.code;
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    signal(SIGPIPE, SIG_DFL);
    if (argc < 1 || apr_initialize() != APR_SUCCESS || apr_pool_create(&p, NULL) != APR_SUCCESS)
        return pv_error_row(PV_INTERNAL)->exit;
    seed_json();
    int code = pv_error_row(run(argc, (const char *const *)argv, p))->exit;
    apr_pool_destroy(p);
    apr_terminate();
    return fflush(stdout) == 0 ? code : pv_error_row(PV_INTERNAL)->exit;
}
