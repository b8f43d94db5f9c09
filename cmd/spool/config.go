package main

import (
	"github.com/gospool/spool/configs"
)

//go:generate sh -c "go run . config --reference > ../../configs/reference.yaml.new && mv ../../configs/reference.yaml.new ../../configs/reference.yaml"

// ConfigCmd implements spool config, which prints the configuration.
type ConfigCmd struct {
	Reference bool `help:"Print the reference of all settings, with defaults and meanings, instead of the resolved configuration."`
}

// Run prints the configuration that spool serve would use, with the source of each value and without
// secrets, or the reference of all settings.
func (c *ConfigCmd) Run(p *Program) error {
	if c.Reference {
		_, err := p.Stdout.Write(configs.Reference(configs.Stages()))
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	showWarnings(p.Stderr, cfg.Warnings)
	_, err = p.Stdout.Write(cfg.Show())
	return err
}
