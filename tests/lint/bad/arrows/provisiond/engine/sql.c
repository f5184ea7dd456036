/*
 * SQLite is the journal's alone.
 */
#include <sqlite3.h>
