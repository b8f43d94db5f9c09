package main

// ServeCmd is spool serve.
type ServeCmd struct{}

// Run records until a signal ends it.
func (c *ServeCmd) Run(p *Program) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if _, err := compile(cfg); err != nil {
		return err
	}
	log := newLogger(cfg.Log, p.Stderr, p.Environ)
	for _, w := range cfg.Warnings {
		log.Warn(w.String())
	}
	return nil
}
