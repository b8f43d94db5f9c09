package main

import (
	"errors"

	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// settings holds the path of the configuration file, and the flags that override settings in it. All
// commands have them, so that spool check and spool config read the configuration that spool serve would
// use with the same flags.
type settings struct {
	File       string   `name:"config" short:"c" placeholder:"FILE" group:"Settings, for every command:" help:"Configuration file. It must exist. Without this flag config.yaml is read, if it exists."`
	RecordPath *string  `placeholder:"DIR" group:"Settings, for every command:" help:"Directory of the recordings (mp4.record_path)."`
	HTTPListen *string  `name:"http-listen" placeholder:"ADDR" group:"Settings, for every command:" help:"Address of the API (http.listen)."`
	RTSPListen *string  `name:"rtsp-listen" placeholder:"ADDR" group:"Settings, for every command:" help:"Address of the RTSP server that cameras publish to (ingest.rtsp.listen); empty turns it off."`
	LogLevel   *string  `placeholder:"LEVEL" group:"Settings, for every command:" help:"debug, info, warn or error (log.level)."`
	LogFormat  *string  `placeholder:"FORMAT" group:"Settings, for every command:" help:"auto, human or json (log.format)."`
	Set        []string `sep:"none" placeholder:"KEY=VALUE" group:"Settings, for every command:" help:"Any other setting, such as mp4/fragment=true or streams[live/cam]/pull=rtsp://10.0.0.5/x. May be repeated."`
}

// load reads and checks the configuration from file, environment and flags. The error is
// config.Problems for a wrong configuration, else a usageError.
func (p *Program) load() (*configs.Config, error) { return p.loadChecked(server.Problems) }

// loadChecked reads and checks the configuration as load does, with check in place of server.Problems: see
// configs.Options.Check.
func (p *Program) loadChecked(check func(*configs.Config) config.Problems) (*configs.Config, error) {
	flags, err := p.Settings.flags()
	if err != nil {
		return nil, usageError{err}
	}
	c, err := configs.Load(configs.Options{File: p.Settings.File, Environ: p.Environ, Flags: flags, Check: check})
	if problems := (config.Problems)(nil); err != nil && !errors.As(err, &problems) {
		return nil, usageError{err} // for example a missing file
	}
	return c, err
}

// flags returns the settings that the given flags override, including those of --set. The error is that of
// an invalid value of --set.
func (s *settings) flags() (flags []configs.Flag, err error) {
	for _, f := range []struct {
		value *string
		name  string
		key   []string
	}{
		{s.RecordPath, "--record-path", []string{"mp4", "record_path"}},
		{s.HTTPListen, "--http-listen", []string{"http", "listen"}},
		{s.RTSPListen, "--rtsp-listen", []string{"ingest", "rtsp", "listen"}},
		{s.LogLevel, "--log-level", []string{"log", "level"}},
		{s.LogFormat, "--log-format", []string{"log", "format"}},
	} {
		if f.value != nil {
			flags = append(flags, configs.Flag{Name: f.name, Key: f.key, Value: *f.value})
		}
	}
	for _, text := range s.Set {
		f, err := configs.ParseSet(text)
		if err != nil {
			return nil, err
		}
		flags = append(flags, f)
	}
	return flags, nil
}
