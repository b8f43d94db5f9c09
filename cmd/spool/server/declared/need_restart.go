package declared

import (
	"reflect"
	"slices"
	"time"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
)

// live lists the top-level settings that a reload applies. All other settings need a restart.
var live = []string{"streams", "pipelines", "declare", "crontab", "mp4"}

// taken lists the settings that a reload applies although live does not contain their top-level setting: pipelines inherit them.
var taken = []string{"egress/window"}

// late lists the settings that need a restart although live contains their top-level setting.
var late = []string{"mp4/expire_days", "mp4/disk_max_percent"}

// NeedRestart returns the paths of the settings that the last successful reload has found changed since the
// start of the process, but that take effect only at the next start of spool. It also returns the time since
// when there are any.
func (p *Set) NeedRestart() ([]string, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.restart), p.restartSince
}

// needRestart returns the paths of the settings that differ between the configurations started and now, and
// that take effect only at the next start of spool: see live, taken and late.
func needRestart(started, now *configs.Config) (paths []string) {
	a, b := config.Reveal(started), config.Reveal(now)
	for _, e := range b.Entries {
		if !slices.Contains(live, e.Key) {
			paths = append(paths, differing(a.Get(e.Key), e.Value)...)
		}
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return slices.Contains(taken, path) })
	for _, path := range late {
		x, y := a, b
		for _, key := range config.SplitPath(path) {
			x, y = x.Get(key), y.Get(key)
		}
		paths = append(paths, differing(x, y)...)
	}
	return paths
}

// differing returns the paths of the values that differ in two trees, of which one may be nil.
func differing(a, b *config.Node) (paths []string) {
	if reflect.DeepEqual(a.Any(), b.Any()) {
		return nil
	}
	if a == nil || b == nil || !a.IsMap || !b.IsMap {
		if b == nil {
			b = a
		}
		return []string{b.Path}
	}
	for _, e := range b.Entries {
		paths = append(paths, differing(a.Get(e.Key), e.Value)...)
	}
	for _, e := range a.Entries {
		if b.Get(e.Key) == nil {
			paths = append(paths, e.Value.Path)
		}
	}
	return paths
}
