// lockstep metrics: the controller's metrics as Prometheus reads them, for a timer that writes them where node_exporter finds them.
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

export function addMetrics(program: Command, cli: Cli): void {
  program
    .command('metrics')
    .description("print the controller's metrics in Prometheus' text format")
    .addHelpText(
      'after',
      `
The controller listens on a unix socket, which Prometheus can't scrape. Printed to a file every 15 s they go through
node_exporter's textfile collector; write beside the file and rename, so that it never reads half of it.

Examples:
  lockstep metrics
  lockstep metrics > DIR/lockstep-controller.prom.tmp && mv DIR/lockstep-controller.prom.tmp DIR/lockstep-controller.prom`,
    )
    .action(async () => {
      const text = await cli.client().metrics();
      cli.terminal.print(text.replace(/\n$/, ''));
    });
}
