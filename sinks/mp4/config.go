package mp4

import (
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/filename"
)

// Config holds the user's settings of the stage.
type Config struct {
	RecordPath       string          `yaml:"record_path" inherit:"mp4.record_path" means:"record_directory" reaches:"directory" doc:"directory of the recordings; made when it is not there"`
	Fragment         bool            `yaml:"fragment" inherit:"mp4.fragment" doc:"true: finished files are fragmented MP4 with an index; false: ordinary MP4, moov first"`
	FragmentDuration config.Duration `yaml:"fragment_duration" inherit:"mp4.fragment_duration" takes:"nothing" doc:"fragment: true: length of a fragment in the index, rounded up to the next key frame"`
	FilenamePattern  string          `yaml:"filename_pattern" inherit:"mp4.filename_pattern" means:"file_pattern" reaches:"nothing" doc:"name of a file below record_path; {stream} {stream_path} {pipeline} {date} {time} {ms} {timestamp} {seq}; other forms by strftime: {date:%Y-%m-%d} {time:%H-%M-%S}"`
	Timezone         string          `yaml:"timezone" inherit:"mp4.timezone" reaches:"nothing" doc:"time zone of names, such as Europe/Berlin; empty: the machine's"`
	Sync             string          `yaml:"sync" inherit:"mp4.sync" reaches:"nothing" doc:"when written bytes are made durable: chunk, interval, segment (when a file is finished) or none"`
	SyncInterval     config.Duration `yaml:"sync_interval" inherit:"mp4.sync_interval" takes:"nothing" doc:"sync: interval: the most that a power cut may lose"`
	FileMode         string          `yaml:"file_mode" inherit:"mp4.file_mode" reaches:"access" doc:"mode of new files, as four octal digits in quotes"`
	DirMode          string          `yaml:"dir_mode" inherit:"mp4.dir_mode" reaches:"access" doc:"mode of new directories, as four octal digits in quotes"`
	Group            string          `yaml:"group" inherit:"mp4.group" means:"file_group" reaches:"access" doc:"name or number of the group of new files and directories; empty: the system's choice"`
}

// Defaults returns the settings of a stage that declares none.
//
// sync is chunk: the stage syncs each file once a flush interval, by default once a second,
// independent of the interval of key frames. So without any configuration a power cut loses only
// about one flush interval. One fdatasync takes some 3.4 ms (p95 5.3 ms), a third of a percent of
// a second; chunks that arrive meanwhile wait in gop_ring. From some hundred streams on one disk,
// sync: interval with 5 s is better, because it needs a fifth of the syncs.
func Defaults() Config {
	return Config{
		RecordPath:       "./recordings",
		FragmentDuration: config.Duration(5 * time.Second),
		FilenamePattern:  "{stream}_{date}_{time}.mp4",
		Sync:             syncChunk,
		SyncInterval:     config.Duration(5 * time.Second),
		FileMode:         "0640",
		DirMode:          "0750",
	}
}

// Validate checks the rules that the decoder of the YAML file cannot check, and returns all
// violations, joined. It does no I/O except reading the time zone's table.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch c.Sync {
	case syncChunk, syncInterval, syncSegment, syncNone:
	default:
		wrong("sync: %q is unknown: write chunk, interval, segment or none", c.Sync)
	}
	if c.RecordPath == "" {
		wrong("record_path is empty: give the directory of the recordings")
	}
	if config.WindowsPath(c.RecordPath) {
		wrong("record_path is a Windows path, which names a file in the working directory here: write the path on this machine, such as /mnt/c/recordings")
	}
	if c.FragmentDuration <= 0 {
		wrong("fragment_duration is %v: it must be longer than 0", c.FragmentDuration)
	}
	if c.Sync == syncInterval && c.SyncInterval <= 0 {
		wrong("sync_interval is %v: it must be longer than 0", c.SyncInterval)
	}
	_, file := disk.ParseMode("file_mode", c.FileMode, 0o600)
	_, dir := disk.ParseMode("dir_mode", c.DirMode, 0o700)
	_, pattern := filename.Parse(c.FilenamePattern)
	_, zone := c.location()
	return errors.Join(append(problems, file, dir, pattern, zone)...)
}

func (c Config) location() (*time.Location, error) {
	if c.Timezone == "" {
		return time.Local, nil
	}
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return nil, fmt.Errorf("timezone: %q is not known here: use a name of the IANA database such as Europe/Berlin", c.Timezone)
	}
	return loc, nil
}
