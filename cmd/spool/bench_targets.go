package main

import "github.com/gospool/spool/bench/harness"

// TargetsCmd implements spool bench targets, which prints the targets that the results of earlier
// benchmarks meet or miss.
type TargetsCmd struct {
	Files []string `arg:"" type:"existingfile" help:"Files that the benchmarks wrote with --json."`
}

// Run prints the table.
func (c *TargetsCmd) Run(p *Program) error {
	results, err := harness.ReadJSON(c.Files)
	if err != nil {
		return err
	}
	return harness.WriteTargets(p.Stdout, results)
}
