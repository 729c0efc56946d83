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
enum status cli_cpu(int argc, char **argv, int *exit_code);

#endif
