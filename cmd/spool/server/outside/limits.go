package outside

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
)

// DiskLimits returns a problem for each setting min_free_bytes that exceeds the size of the disk of
// mp4.record_path: retention would delete all recordings and still not reach it. It checks nothing
// else.
func DiskLimits(cfg *configs.Config) config.Problems {
	c := checker{cfg: cfg}
	c.diskLimits()
	return c.wrong.Sorted()
}

// diskLimits compares the limits in bytes with the size of the disk of mp4.record_path. A max_bytes
// above that size is a warning if no limit on the disk is set: the disk would fill up before it takes
// effect.
func (c *checker) diskLimits() {
	dir, r := c.cfg.MP4.RecordPath, c.cfg.Retention
	disk, err := diskOf(dir)
	if dir == "" || err != nil {
		return // the start or the first recording reports a missing or unreadable directory
	}
	bounded := c.cfg.MP4.DiskMaxPercent > 0 || r.MinFreeBytes > 0
	check := func(block string, minFree, most config.Size) {
		problem := func(setting string, limit config.Size) config.Problem {
			return c.cfg.Problem(config.Join(block, setting), disk.ExceedsText(setting, int64(limit), dir))
		}
		if disk.Exceeds(int64(minFree)) {
			c.wrong = append(c.wrong, problem("min_free_bytes", minFree).WithHint("lower it"))
		}
		if !bounded && minFree == 0 && disk.Exceeds(int64(most)) {
			c.warnings = append(c.warnings, problem("max_bytes", most).WithHint("lower it, or set mp4.disk_max_percent: the disk fills up before it deletes anything"))
		}
	}
	check("retention", r.MinFreeBytes, r.MaxBytes)
	bounded = bounded || r.MaxBytes > 0
	for path, s := range c.cfg.Streams {
		check(config.Join(config.Join("streams", string(path)), "retention"), s.Retention.MinFreeBytes, s.Retention.MaxBytes)
	}
}

// diskOf returns the capacity of the disk that a directory is on. If the directory does not exist, it
// returns that of the nearest existing directory above.
func diskOf(dir string) (filesystem.Capacity, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return filesystem.Capacity{}, err
	}
	for {
		has, err := filesystem.CapacityOf(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return has, err
		}
		dir = filepath.Dir(dir)
	}
}
