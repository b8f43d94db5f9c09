package configs

import "github.com/gospool/spool/pipeline/config"

// Egress holds the settings for clients that read streams while they come in.
type Egress struct {
	Enable     bool `yaml:"enable" doc:"Clients may read streams: over HTTP, and at the servers of ingest, where its auth has users or http.auth has none. The newest GOP of every stream is then kept in memory, so that a client begins with a picture at once."`
	MaxReaders int  `yaml:"max_readers" doc:"Most clients of each protocol at once; 0 is no limit."`
}

// Check returns the problems of the settings.
func (e *Egress) Check() (ps config.Problems) {
	if e.MaxReaders < 0 {
		ps = append(ps, config.At("max_readers", "%d is negative", e.MaxReaders).WithHint("0 is no limit"))
	}
	return ps
}
