# Makes gen/stmts.h and gen/stmts.c out of sql/stmts/*.sql: an enum, a table of texts, and one checked function a statement.
#   awk -v part=h|c -f sql/stmts2c.awk sql/stmts/*.sql
# The form of a statement is described in mod_hostmaster/db.h.

function fail(text) { print FILENAME ":" FNR ": " text > "/dev/stderr"; failed = 1; exit 1 }

function ctype(t) { return t == "s" ? "const char *" : t == "n" ? "int64_t " : fail("not a type: " t) }

function flush_statement(    i, n, marks, rest) {
	if (name == "")
		return
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text); sub(/[ ;]+$/, "", text)
	rest = text
	marks = ""
	while (match(rest, /%(s|lld|%)/)) {
		m = substr(rest, RSTART, RLENGTH)
		if (m != "%%") marks = marks (m == "%s" ? "s" : "n")
		rest = substr(rest, RSTART + RLENGTH)
	}
	if (marks != types)
		fail(name ": parameters " types " but marks " marks)
	if (name in seen)
		fail(name ": stands twice")
	seen[name] = 1
	gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text)
	count++
	names[count] = name; texts[count] = text; params[count] = list; args[count] = pass
	kinds[count] = types; columns[count] = cols; selects[count] = select; hits[count] = rows
	name = ""
}

/^-- @stmt / {
	flush_statement()
	line = $0
	sub(/^-- @stmt /, "", line)
	name = line; sub(/\(.*/, "", name)
	if (name !~ /^[a-z][a-z0-9_]*$/ || line !~ /\)/) fail("not a statement's head: " $0)
	inside = line; sub(/^[^(]*\(/, "", inside); sub(/\).*/, "", inside)
	after = line; sub(/^[^)]*\)/, "", after)
	list = ""; pass = ""; types = ""; cols = ""; text = ""; rows = -1; select = 0
	n = split(inside, part_of, / +/)
	for (i = 1; i <= n; i++) {
		if (part_of[i] == "") continue
		split(part_of[i], two, ":")
		list = list ", " ctype(two[2]) two[1]
		types = types two[2]
		pass = pass ", " (two[2] == "s" ? two[1] : "&" two[1])
	}
	if (match(after, /rows=[0-9]+/)) rows = substr(after, RSTART + 5, RLENGTH - 5)
	if (match(after, /->.*/)) {
		select = 1
		n = split(substr(after, RSTART + 2), part_of, / +/)
		for (i = 1; i <= n; i++) {
			if (part_of[i] == "") continue
			split(part_of[i], two, ":"); ctype(two[2])
			cols = cols two[2] two[1] " "
		}
	}
	next
}
/^--/ || /^[ \t]*$/ { next }
{ text = text " " $0 }

END {
	if (failed) exit 1
	flush_statement()
	print "/* Made from sql/stmts/ by sql/stmts2c.awk. */"
	if (part == "h") {
		print "#ifndef HM_GEN_STMTS_H\n#define HM_GEN_STMTS_H\n\n#include \"db.h\"\n\ntypedef enum {"
		for (i = 1; i <= count; i++) print "    HM_SQL_" toupper(names[i]) ","
		print "    HM_SQL_COUNT\n} hm_sql_t;\n"
		print "/* kinds: a letter a parameter; columns: \"sname nid ...\", empty for a change; rows: -1 or what it must hit. */"
		print "typedef struct {\n    const char *name, *kinds, *columns, *text;\n    int rows;\n} hm_stmt_t;\n"
		print "extern const hm_stmt_t hm_stmts[HM_SQL_COUNT];\n"
		for (i = 1; i <= count; i++)
			print "apr_status_t hm_sql_" names[i] "(hm_db_t *db" (selects[i] ? ", json_t **rows" : "") ", pv_err_t *err" params[i] ");"
		print "\n#endif"
	} else {
		print "#include \"stmts.h\"\n#include \"db_run.h\"\n\nconst hm_stmt_t hm_stmts[HM_SQL_COUNT] = {"
		for (i = 1; i <= count; i++)
			print "    {\"" names[i] "\", \"" kinds[i] "\", \"" columns[i] "\", \"" texts[i] "\", " hits[i] "},"
		print "};"
		for (i = 1; i <= count; i++) {
			print "\napr_status_t hm_sql_" names[i] "(hm_db_t *db" (selects[i] ? ", json_t **rows" : "") ", pv_err_t *err" params[i] ")\n{"
			print "    const void *bind[] = {" (args[i] == "" ? "NULL" : substr(args[i], 3)) "};"
			print "    return hm_db_run(db, HM_SQL_" toupper(names[i]) ", " (selects[i] ? "rows" : "NULL") ", bind, err);\n}"
		}
	}
}
