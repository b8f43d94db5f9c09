package srt

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// passphrases holds the passphrases of streams.
type passphrases struct {
	all config.Secret
	of  []patternPassphrase // the longest pattern first
}

type patternPassphrase struct {
	glob streampath.Glob
	is   config.Secret
}

// newPassphrases returns the passphrases of settings that Check accepts.
func newPassphrases(s *Settings) (passphrases, error) {
	p := passphrases{all: s.Passphrase}
	for _, pattern := range patterns(s.Passphrases) {
		glob, err := streampath.ParseGlob(pattern)
		if err != nil {
			return passphrases{}, err
		}
		p.of = append(p.of, patternPassphrase{glob, s.Passphrases[pattern]})
	}
	return p, nil
}

// find returns the passphrase of a stream; empty: it is not encrypted.
func (p *passphrases) find(path string) string {
	for _, one := range p.of {
		if one.glob.Match(path) {
			return one.is.Reveal()
		}
	}
	return p.all.Reveal()
}

// patterns returns the patterns of passphrases, the longest first.
func patterns(of map[string]config.Secret) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
}
