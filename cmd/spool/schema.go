package main

import (
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
)

// SchemaCmd is spool schema.
type SchemaCmd struct{}

// Run prints the schema of what this program takes, its own stages with it.
func (c *SchemaCmd) Run(p *Program) error {
	text, err := configs.Schema(pipeline.Stages())
	if err != nil {
		return err
	}
	_, err = p.Stdout.Write(append(text, '\n'))
	return err
}
