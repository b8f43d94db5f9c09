package main

import (
	"github.com/gospool/spool/configs"
)

// SchemaCmd implements spool schema, which prints the JSON Schema of a configuration.
type SchemaCmd struct{}

// Run prints the JSON Schema of a configuration, including the settings of all stages in the program.
func (c *SchemaCmd) Run(p *Program) error {
	text, err := configs.Schema(configs.Stages())
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(append(text, '\n'))
	return err
}
