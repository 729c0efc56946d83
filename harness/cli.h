/* Commands: argv → options → work. Each returns ST_OK or a failure whose message main prints (exit 2); a command
 * that finished with something to say sets *exit_code: 0 fine, 1 regressed, 2 tool error, 3 inconclusive,
 * 4 environment refused, 5 wrong output. argv[0] is the command's name. */
#ifndef CLI_H
#define CLI_H

#include "base/status.h"

typedef enum status (*cli_fn)(int argc, char **argv, int *exit_code);

enum status cli_bench(int argc, char **argv, int *exit_code);
enum status cli_compare(int argc, char **argv, int *exit_code);
enum status cli_peers(int argc, char **argv, int *exit_code);
enum status cli_merge(int argc, char **argv, int *exit_code);
enum status cli_report(int argc, char **argv, int *exit_code);
enum status cli_energy(int argc, char **argv, int *exit_code);
enum status cli_kernels(int argc, char **argv, int *exit_code);
enum status cli_compress(int argc, char **argv, int *exit_code);
enum status cli_eval(int argc, char **argv, int *exit_code);
enum status cli_run(int argc, char **argv, int *exit_code);
enum status cli_inspect(int argc, char **argv, int *exit_code);
enum status cli_worker(int argc, char **argv, int *exit_code);
enum status cli_history(int argc, char **argv, int *exit_code);
enum status cli_cpu(int argc, char **argv, int *exit_code);

struct cli_command {
    const char *name;
    cli_fn run;
    const char *summary;
};

/* packlight --complete [COMMAND [WORD...]], for the shells' completion scripts; no command of its own. Everything comes
 * from the help texts, so that there is no second list of options. `commands` ends with a NULL name. Prints
 *   without COMMAND       lines of: name, tab, summary
 *   with COMMAND          lines of: option, tab, its argument's name or nothing, tab, first words about it
 *   with further words    what may stand behind them: values, one a line, or one of <dir>, <file>, <.json>, <.plk>
 * and nothing at all where nothing is known. */
enum status cli_complete(const struct cli_command *commands, int argc, char **argv);

#endif
