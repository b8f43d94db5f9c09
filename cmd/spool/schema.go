package main

import (
	"github.com/gospool/spool/configs"
)

// SchemaCmd is spool schema.
type SchemaCmd struct{}

// Run prints the schema of what this program takes, its own stages with it.
func (c *SchemaCmd) Run(p *Program) error {
	text, err := configs.Schema(configs.Stages())
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(append(text, '\n'))
	return err
}
