package configs

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// StreamPath is the path of a stream as a key of the configuration.
type StreamPath string

// Validate returns the error of streampath.Check.
func (p StreamPath) Validate() error {
	err := streampath.Check(string(p))
	if err != nil && strings.Contains(string(p), "://") { // the error of Check would quote the URL
		return errors.New("a stream's path stands here, such as live/camera01: its URL is the setting pull")
	}
	return err
}

// PipelineName is the name of a pipeline as a key of the configuration. File names and URLs contain it.
type PipelineName string

// Validate returns an error for a name with characters that have a special meaning in a file name, a URL or a
// command.
func (n PipelineName) Validate() error {
	if !plainName(string(n)) {
		return errors.New("a pipeline's name is up to 64 letters, digits, dots, dashes and underscores")
	}
	if n[0] == '-' {
		return errors.New("a pipeline's name begins with a letter, digit or underscore: a program would read it as an option")
	}
	return nil
}

func plainName(n string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	return n != "" && len(n) <= 64 && !strings.ContainsFunc(n, func(r rune) bool { return !plain(r) }) && n[0] != '.'
}

// Check returns a problem for a name of more than 64 characters, or with other characters than letters, digits,
// dots, dashes and underscores: messages and a column of the database contain the name.
func (n Node) Check() config.Problems {
	var c checks
	c.want(n.Name == "" || plainName(n.Name), "name", fmt.Sprintf("%.80q is not a valid name of a recorder", n.Name),
		"up to 64 letters, digits, dots, dashes and underscores; empty is the identity of the record directory")
	return c.problems
}

// Check returns problems for values out of range, and for texts that cannot be a path, a pattern or a time
// zone.
func (m MP4) Check() config.Problems {
	var c checks
	c.want(m.RecordPath != "", "record_path", "is empty", "give the directory of the recordings")
	c.want(!config.WindowsPath(m.RecordPath), "record_path", "is a Windows path, which names a file in the working directory here", "write the path on this machine, such as /mnt/c/recordings")
	c.between("fragment_duration", m.FragmentDuration, 100*time.Millisecond, time.Hour)
	c.want(m.MaxFileSize == 0 || m.MaxFileSize >= 1<<20, "max_file_size", fmt.Sprintf("%s is too small for a file", m.MaxFileSize), "0 is no limit; else at least 1MiB")
	c.want(m.MaxDuration == 0 || m.MaxDuration.D() >= time.Second, "max_duration", fmt.Sprintf("%s is too short for a file", m.MaxDuration), "0 is no limit; else at least 1s")
	c.between("before_duration", m.BeforeDuration, 0, time.Hour)
	c.between("after_duration", m.AfterDuration, 0, 24*time.Hour)
	c.want(m.ExpireDays >= 0, "expire_days", fmt.Sprintf("%d is negative", m.ExpireDays), "0 keeps recordings for ever")
	c.want(m.ExpireDays <= maxExpireDays, "expire_days", fmt.Sprintf("%d is out of range", m.ExpireDays), fmt.Sprintf("at most %d, a century; 0 keeps recordings for ever", maxExpireDays))
	c.want(m.DiskMaxPercent >= 0 && m.DiskMaxPercent <= 99, "disk_max_percent", fmt.Sprintf("%d is not a percentage from 0 to 99", m.DiskMaxPercent), "0 is off; else 1 to 99")
	c.want(m.FilenamePattern != "", "filename_pattern", "is empty", "for example {stream}_{date}_{time}.mp4")
	c.timezone("timezone", m.Timezone)
	c.between("sync_interval", m.SyncInterval, 10*time.Millisecond, time.Hour)
	return c.problems
}

// Check returns problems for an invalid URL or certificate fingerprint, for times out of range, and for settings without effect. No problem contains a password.
func (s Stream) Check() config.Problems {
	var c checks
	if s.ReadTimeout != 0 {
		c.between("read_timeout", s.ReadTimeout, time.Second, time.Hour)
	}
	c.reconnectGrace(s.ReconnectGrace)
	if s.Pull.Empty() {
		c.want(s.Transport == "", "transport", "has no effect without pull", "it selects how a stream is pulled")
		c.want(s.TLS == PullTLS{}, "tls", "has no effect without pull", "it concerns the source of a pull")
		c.want(!s.PullAlways, "pull_always", "has no effect without pull", "add the URL to pull the stream from")
		return c.problems
	}
	urls := s.Pull.Reveal()
	c.want(len(urls) <= maxPullURLs, "pull", fmt.Sprintf("has %d URLs", len(urls)), fmt.Sprintf("at most %d", maxPullURLs))
	for i, raw := range urls {
		c.pullURL(s.PullKey(i), raw)
	}
	c.want(s.TLS.Fingerprint == "" || sha256Digits.MatchString(s.TLS.Fingerprint), "tls/fingerprint", fmt.Sprintf("%.80q is not a SHA-256", s.TLS.Fingerprint), "64 hexadecimal digits, with colons or without: openssl x509 -noout -fingerprint -sha256 prints them")
	return c.problems
}

// maxPullURLs bounds the list of a stream's URLs: each is tried in turn.
const maxPullURLs = 16

// PullKey returns the key of the URL at index i of Pull.
func (s *Stream) PullKey(i int) string {
	if i == 0 && len(s.Pull.Reveal()) == 1 {
		return "pull"
	}
	return config.Join("pull", strconv.Itoa(i))
}

func (c *checks) pullURL(key, raw string) {
	if _, _, runs := config.CommandOf(raw); runs {
		return
	}
	u, err := url.Parse(raw)
	if err != nil {
		c.add(key, "is not a URL: "+urlError(err), "for example rtsp://10.0.0.5/stream1; special characters in a password are percent-encoded: %2F for /, %40 for @, %3A for :, %3F for ?, %23 for #, %25 for %")
		return
	}
	c.want(u.Scheme != "", key, "this is not a URL: it has no scheme", "for example rtsp://10.0.0.5/stream1")
	c.want(u.Scheme == "" || u.Scheme == "file" || u.Opaque == "", key, "// is missing after the scheme", "for example rtsp://10.0.0.5/stream1")
}

// sha256Digits matches a SHA-256 fingerprint in the forms that programs print.
var sha256Digits = regexp.MustCompile(`^([0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31})$`)

var quoted = regexp.MustCompile(`"[^"]*"`)

// urlError returns the text of an error of url.Parse, with a placeholder for each part of the URL that the text
// quotes. Such a part may be secret: the parser takes the rest of a password with a slash for a port.
func urlError(err error) string {
	if parse := (*url.Error)(nil); errors.As(err, &parse) {
		err = parse.Err // the outer error quotes the whole URL
	}
	return quoted.ReplaceAllString(err.Error(), "…")
}

// Check returns problems for invalid patterns, and for a pipeline without streams or stages.
func (p Pipeline) Check() config.Problems {
	var c checks
	c.want(len(p.Streams) > 0, "streams", "is empty: the pipeline records no stream", `"**" matches every stream`)
	for i, pattern := range p.Streams {
		if _, err := streampath.ParseGlob(pattern); err != nil {
			c.add(config.Join("streams", strconv.Itoa(i)), err.Error(), "")
		}
	}
	c.want(p.Stages != nil && p.Stages.IsList && len(p.Stages.List) > 0, "stages", "a list of stages is wanted here",
		"for example [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]")
	return c.problems
}

// Check returns problems for a missing or invalid schedule or action, for an invalid stream or time zone, and for a
// duration that has no effect with the action.
func (j Job) Check() config.Problems {
	var c checks
	switch j.Cron {
	case "":
		c.add("cron", "is missing", `for example "0 8 * * *": every day at 8:00`)
	default:
		if _, err := recorder.ParseCron(j.Cron, time.UTC); err != nil {
			c.add("cron", fmt.Sprintf("%q is not a schedule: %s", j.Cron, err), `minute hour day month weekday, for example "0 8 * * *"`)
		}
	}
	c.want(j.Action != "", "action", "is missing", "one of record_start, record_stop, event")
	if err := streampath.Check(j.Stream); err != nil {
		c.add("stream", err.Error(), "for example live/camera01")
	}
	c.want(j.Action != "record_stop" && j.Action != "event" || j.Duration == 0, "duration", "has no effect with "+j.Action, "only record_start has a duration")
	c.timezone("timezone", j.Timezone)
	return c.problems
}

// checkJobs adds a problem for each name that two jobs have: the log and the schedule identify jobs by their
// names.
func (c *Config) checkJobs(k *checks) {
	first := map[string]int{}
	for i, j := range c.Crontab.Jobs {
		if j.Name == "" {
			continue
		}
		before, twice := first[j.Name]
		if !twice {
			first[j.Name] = i
			continue
		}
		other := jobPath(before)
		if n := c.at(other); n != nil && n.Pos.Line > 0 {
			other = fmt.Sprintf("the job at line %d", n.Pos.Line)
		}
		k.add(config.Join(jobPath(i), "name"), fmt.Sprintf("%q occurs twice: %s has the same name", j.Name, other), "give each job a name of its own, or none")
	}
}

// Check returns problems for times out of range and for invalid addresses.
func (i *Ingest) Check() config.Problems {
	var c checks
	c.between("read_timeout", i.ReadTimeout, time.Second, time.Hour)
	c.reconnectGrace(i.ReconnectGrace)
	for path, at := range i.Addresses() {
		c.address(path, at.Listen)
	}
	return c.problems
}

// Addresses returns the addresses at which the servers listen. The key is the setting, such as rtsp/listen.
func (i *Ingest) Addresses() map[string]config.Address {
	all := map[string]config.Address{}
	for name, settings := range i.Servers {
		server, is := settings.(interface {
			Addresses() map[string]config.Address
		})
		if !is {
			continue
		}
		for key, at := range server.Addresses() {
			if at.Listen != "" {
				all[name+"/"+key] = at
			}
		}
	}
	return all
}

// own returns the addresses at which the servers authenticate clients themselves.
func (i *Ingest) own() map[string]config.Address {
	all := i.Addresses()
	maps.DeleteFunc(all, func(_ string, at config.Address) bool { return at.Signalled })
	return all
}

// Check returns problems for limits that are too small to record anything or to hold one GOP, and for negative
// counts.
func (m Memory) Check() config.Problems {
	var c checks
	c.want(m.Max == 0 || m.Max >= 128<<20, "max", fmt.Sprintf("%s is too small to record anything", m.Max), "0 is no limit; else at least 128MiB")
	c.want(m.GOP >= 1<<20, "gop", fmt.Sprintf("%s is too small for a GOP", m.GOP), "at least 1MiB")
	c.want(m.Queue >= 1<<20, "queue", fmt.Sprintf("%s is too small for a GOP", m.Queue), "at least 1MiB")
	c.want(m.MaxArmed >= 0, "max_armed", fmt.Sprintf("%d is negative", m.MaxArmed), "0 is no limit")
	c.want(m.MaxSeries >= 0, "max_series", fmt.Sprintf("%d is negative", m.MaxSeries), "0 is no limit")
	return c.problems
}

// Check returns problems of the top-level settings, and of settings that conflict across blocks: jobs with the same
// name, two servers at one address, and ingest servers that are open to other machines, lack a certificate, or at
// which no user could publish.
func (c *Config) Check() config.Problems {
	var k checks
	k.between("flush_interval", c.FlushInterval, 50*time.Millisecond, 10*time.Second)
	k.want(c.FlushBytes >= 64<<10 && c.FlushBytes <= 64<<20, "flush_bytes", fmt.Sprintf("%s is out of range", c.FlushBytes), "from 64KiB to 64MiB")
	k.between("shutdown_timeout", c.ShutdownTimeout, time.Second, time.Hour)
	c.checkJobs(&k)
	c.checkIngestAccess(&k)
	c.checkListeners(&k)
	return k.problems
}

// checkListeners adds a problem for each address at which two servers would listen.
func (c *Config) checkListeners(k *checks) {
	all := map[string]string{"http/listen": c.HTTP.Listen}
	if at := c.HTTP.MediaMTX.Listen; at != "" {
		all["http/mediamtx/listen"] = at
	}
	for path, at := range c.Ingest.Addresses() {
		all["ingest/"+path] = at.Listen
	}
	keys := slices.Sorted(maps.Keys(all))
	for i, key := range keys {
		for _, before := range keys[:i] {
			if sameListener(all[key], all[before]) {
				k.add(key, fmt.Sprintf("%s is also the address of %s, which is %s", all[key], strings.ReplaceAll(before, "/", "."), all[before]), "only one server can listen at an address: give this one another port")
			}
		}
	}
}

// sameListener reports whether two servers cannot listen at the addresses a and b at the same time: the ports
// are equal, and the hosts are equal or one host stands for all addresses. Port 0 never conflicts, because the
// system chooses a free port.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return covers(hostA, hostB) || covers(hostB, hostA) || strings.EqualFold(hostA, hostB) || namesV4Loopback(hostA) && namesV4Loopback(hostB)
}

// covers reports whether the host all stands for all addresses of the machine, including the host one. 0.0.0.0
// stands for all IPv4 addresses; "" and :: stand for all.
func covers(all, one string) bool {
	ip, other := net.ParseIP(all), net.ParseIP(one)
	switch {
	case all == "":
		return true
	case ip == nil || !ip.IsUnspecified():
		return false
	}
	return ip.To4() == nil || other == nil || other.To4() != nil
}

func namesV4Loopback(host string) bool {
	return host == "127.0.0.1" || strings.EqualFold(host, "localhost")
}

// checks collects the problems of a Check method.
type checks struct{ problems config.Problems }

func (c *checks) add(key, msg, hint string) {
	c.problems = append(c.problems, config.Problem{Path: key, Msg: msg, Hint: hint})
}

func (c *checks) want(ok bool, key, msg, hint string) {
	if !ok {
		c.add(key, msg, hint)
	}
}

func (c *checks) between(key string, d config.Duration, lo, hi time.Duration) {
	if d.D() < lo || d.D() > hi {
		c.add(key, d.String()+" is out of range", fmt.Sprintf("%s to %s", config.Duration(lo), config.Duration(hi)))
	}
}

// reconnectGrace checks a reconnect_grace; 0 is off.
func (c *checks) reconnectGrace(d config.Duration) {
	if d != 0 {
		c.between("reconnect_grace", d, 100*time.Millisecond, 10*time.Minute)
	}
}

func (c *checks) timezone(key, name string) {
	if _, err := time.LoadLocation(name); err != nil {
		c.add(key, fmt.Sprintf("%q is not a known time zone", name), "for example Europe/Berlin or UTC; empty is the machine's")
	}
}

func (c *checks) address(key, listen string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.add(key, fmt.Sprintf("%q is not an address", listen), "host:port, for example 127.0.0.1:8080")
		return "", false
	}
	return host, true
}
