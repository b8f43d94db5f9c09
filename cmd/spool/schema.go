package main

import (
	"github.com/gospool/spool/configs"
)

// SchemaCmd implements spool schema.
type SchemaCmd struct{}

// Run prints the JSON Schema of the configuration, including the linked stages.
func (c *SchemaCmd) Run(p *Program) error {
	text, err := configs.Schema(configs.Stages())
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(append(text, '\n'))
	return err
}
