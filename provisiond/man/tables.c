/*
 * Fills the tables of the man pages from the .def files that the programs are made of: copies a page from standard
 * input to standard output, and puts a table in the place of each line "@NAME@". Run by the build only. A name that it
 * does not know ends it with 1.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 4096

/* Text as a line of its own in mdoc: a dot or quote at its beginning and backslashes would be commands. */
static void put_text(const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", stdout);
    for (; *s; s++)
        if (*s == '\\')
            fputs("\\e", stdout);
        else
            putchar(*s);
    putchar('\n');
}

/* LEAD and S as a sentence on a line of its own, with a capital letter at its beginning and a full stop at its end. */
static void put_sentence(const char *lead, const char *s)
{
    char line[LINE_SIZE];
    size_t n = strlen(s);

    if (n == 0)
        return;
    snprintf(line, sizeof(line), "%s%s%s", lead, s, s[n - 1] == '.' ? "" : ".");
    line[0] = (char)toupper((unsigned char)line[0]);
    put_text(line);
}

static void put_lower(const char *s)
{
    for (; *s; s++)
        putchar(tolower((unsigned char)*s));
}

static void put_row(const char *macro, const char *name, const char *help)
{
    printf(".It %s %s\n", macro, name);
    put_sentence("", help);
}

/* ---- provisiond.conf(5) ---- */

static void put_setting(const char *name, const char *kind, const char *def, const char *help)
{
    printf(".It Cm %s Ar ", name);
    put_lower(kind);
    putchar('\n');
    put_sentence("", help);
    if (*def)
        printf("Default:\n.Li %s .\n", def);
}

static void settings(void)
{
#define SETTING(name, kind, def, help) put_setting(#name, #kind, def, help);
#include "settings.def"
#undef SETTING
}

/* ---- tasks and messages: rows that each have fields ---- */

enum { OPT, REQ };

typedef struct {
    const char *owner, *name, *kind, *value;
    int required;
    const char *help;
} field_t;

static void put_field(const field_t *f)
{
    printf(".It Cm %s", f->name);
    if (f->kind)
        printf(" Ar ");
    put_lower(f->kind ? f->kind : "");
    printf("%s\n", f->required ? "" : " Pq optional");
    put_sentence("", f->help);
    if (f->value)
        put_sentence("Value: ", f->value);
}

/* Those of N fields that belong to OWNER, as a list; nothing where there are none. */
static void put_fields(const char *owner, const field_t *field, size_t n)
{
    size_t i, found = 0;

    for (i = 0; i < n; i++)
        if (!strcmp(field[i].owner, owner)) {
            if (found++ == 0)
                printf(".Bl -tag -width admin_name\n");
            put_field(&field[i]);
        }
    if (found)
        printf(".El\n");
}

#define VALUE(name, list, max, help) static const char value_##name[] = help;
#include "proto/values.def"
#undef VALUE

static const field_t task_fields[] = {
#define TASK(type, kind, label, help)
#define FIELD(type, kind, name, value, need, help) {#type " " #kind, #name, NULL, value_##value, need, help},
#include "proto/tasks.def"
#undef TASK
#undef FIELD
};

static const field_t arguments[] = {
#define MSG(op, help)
#define ARG(op, name, kind, need, help) {#op, #name, #kind, NULL, need, help},
#include "proto/messages.def"
#undef MSG
#undef ARG
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_owner(const char *name, const char *help, const field_t *field, size_t n)
{
    put_row("Ic", name, help);
    put_fields(name, field, n);
}

static void tasks(void)
{
#define TASK(type, kind, label, help) put_owner(#type " " #kind, help, task_fields, COUNT(task_fields));
#define FIELD(type, kind, name, value, need, help)
#include "proto/tasks.def"
#undef TASK
#undef FIELD
}

static void messages(void)
{
#define MSG(op, help) put_owner(#op, help, arguments, COUNT(arguments));
#define ARG(op, name, kind, need, help)
#include "proto/messages.def"
#undef MSG
#undef ARG
}

/* ---- errors ---- */

static void put_error(const char *code, const char *class, int http, int status, const char *text, const char *fix)
{
    printf(".It Er %s\n", code);
    put_sentence("", text);
    put_sentence("", fix);
    printf("Class %s, status %d, exit status %d.\n", class, http, status);
}

static void errors(void)
{
#define ERROR(code, class, http, exit, text, fix) put_error(#code, #class, http, exit, text, fix);
#include "proto/errors.def"
#undef ERROR
}

/* ---- provisiond(8) ---- */

static void steps(void)
{
#define STEP(name, kind, rewind, needs, probe, act, undo, what) put_row("Ic", #name, what);
#define PLAN(type, kind, converge, before, after)
#include "engine/steps.def"
#undef STEP
#undef PLAN
}

/* BEFORE and AFTER: names of steps, each with a blank before it. */
static void put_plan(const char *type, const char *kind, const char *before, const char *after)
{
    printf(".It Ic %s ", type);
    put_lower(kind);
    printf("\n%s%s%s\n", before + 1, *after ? " |" : "", after);
}

static void plans(void)
{
#define S(name) " " #name
#define STEP(name, kind, rewind, needs, probe, act, undo, what)
#define PLAN(type, kind, converge, before, after) put_plan(#type, #kind, before, "" after);
#include "engine/steps.def"
#undef STEP
#undef PLAN
#undef S
}

static void root_operations(void)
{
#define OP(name, number, caller, args, help) put_row("Ic", #name, help);
#include "root/ops.def"
#undef OP
}

static void dba_operations(void)
{
#define DBOP(name, number, args, seconds, help) put_row("Ic", #name, help);
#include "dba/dbops.def"
#undef DBOP
}

/* A line of words with commas between them. */
static void dba_rights(void)
{
    static const char *const rights[] = {
#define RIGHT(name) name,
#include "dba/rights.def"
    };
    for (size_t i = 0; i < COUNT(rights); i++)
        printf("%s%s\n", rights[i], i + 1 < COUNT(rights) ? "," : ".");
}

/* ---- provision(1) ---- */

#define WORD(name, usage) static const char usage_##name[] = usage;
#include "ctl/commands.def"

#define ARGS(a, b, c) usage_##a, usage_##b, usage_##c

static void put_word(const char *s)
{
    if (*s)
        printf(" %s", s);
}

static void put_command(const char *word, const char *a, const char *b, const char *c, const char *help)
{
    printf(".It Ic");
    put_word(word);
    put_word(a);
    put_word(b);
    put_word(c);
    putchar('\n');
    put_sentence("", help);
}

static void commands(void)
{
#define COMMAND(name, word, args, options, help) put_command(word, args, help);
#include "ctl/commands.def"
}

static void put_option(const char *brief, const char *word, const char *value, const char *help)
{
    printf(".It Fl %s", word + 1);
    if (*brief)
        printf(" , Fl %s", brief + 1);
    if (*value)
        printf(" Ar %s", value);
    putchar('\n');
    put_sentence("", help);
}

static void options(void)
{
#define OPTION(name, brief, word, value, help) put_option(brief, word, value, help);
#include "ctl/commands.def"
}

/* ---- mod_hostmaster(8) ---- */

#define WHERE_MAIN  "main server"
#define WHERE_VHOST "virtual host"
#define WHERE_ANY   "main server or virtual host"

static void put_directive(const char *name, const char *where, const char *check, const char *help)
{
    printf(".It Ic %s Ar %s\n", name, check);
    put_sentence("", help);
    printf("Stands in: %s.\n", where);
}

static void directives(void)
{
#define DIRECTIVE(name, field, where, check, help) put_directive(#name, WHERE_##where, #check, help);
#include "../mod_hostmaster/directives.def"
#undef DIRECTIVE
}

static const struct {
    const char *name;
    void (*put)(void);
} tables[] = {
    {"settings", settings},
    {"tasks", tasks},
    {"messages", messages},
    {"errors", errors},
    {"steps", steps},
    {"plans", plans},
    {"root operations", root_operations},
    {"dba operations", dba_operations},
    {"dba rights", dba_rights},
    {"commands", commands},
    {"options", options},
    {"directives", directives},
};

static int put_table(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT(tables); i++)
        if (!strcmp(tables[i].name, name)) {
            tables[i].put();
            return 0;
        }
    fprintf(stderr, "tables: there is no table '%s'\n", name);
    return 1;
}

int main(void)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin)) {
        char *end = strchr(line, '\0');
        if (line[0] == '@' && end > line + 2 && end[-1] == '\n' && end[-2] == '@') {
            end[-2] = '\0';
            if (put_table(line + 1))
                return 1;
        } else {
            fputs(line, stdout);
        }
    }
    return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
