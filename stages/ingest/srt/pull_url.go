package srt

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// target is what the URL of a pull says.
type target struct {
	address    string // host:port
	listens    bool   // the source calls, and the pull waits for it
	streamID   string
	passphrase string
	latency    time.Duration
	keyLength  int // bytes; 0: the other side's choice
}

// The options in the query of a pull URL.
const (
	optionMode       = "mode"
	optionStreamID   = "streamid"
	optionPassphrase = "passphrase"
	optionLatency    = "latency" // ms
	optionKeyLength  = "pbkeylen"
)

// parseTarget reads the URL of a pull:
//
//	srt://host:port?streamid=...&passphrase=...&latency=1000&pbkeylen=16&mode=caller
//
// No error quotes a value of the query.
func parseTarget(u *url.URL) (t target, err error) {
	t = target{address: u.Host, latency: defaultLatency}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, errors.New("the options of the pull URL cannot be read: percent-encode the special characters in their values: %26 for &, %23 for #, %25 for %, %2B for +")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return target{}, errors.New("the pull URL has more than host, port and options: the stream and a password belong into streamid, where # is written %23")
	}
	for key, values := range query {
		if len(values) != 1 {
			return target{}, fmt.Errorf("the pull URL has the option %.32q more than once", key)
		}
		if err := t.option(key, values[0]); err != nil {
			return target{}, err
		}
	}
	host, port, err := net.SplitHostPort(t.address)
	if n, _ := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return target{}, errors.New("the pull URL has no port: write srt://host:port")
	}
	if host == "" && !t.listens {
		return target{}, errors.New("the pull URL has no host; mode=listener waits for the source to call")
	}
	if t.listens && t.streamID != "" {
		return target{}, errors.New("streamid has no effect with mode=listener: the side that calls sends it")
	}
	if t.keyLength != 0 && t.passphrase == "" {
		return target{}, errors.New("pbkeylen has no effect without passphrase")
	}
	return t, nil
}

// option reads an option.
func (t *target) option(key, value string) (err error) {
	switch key {
	case optionMode:
		if t.listens = value == "listener"; !t.listens && value != "caller" {
			return errors.New("the pull URL has an unknown mode: caller or listener")
		}
	case optionStreamID:
		if t.streamID = value; len(value) > transport.MaxStreamIDBytes {
			return fmt.Errorf("streamid has more than %d bytes", transport.MaxStreamIDBytes)
		}
	case optionPassphrase:
		t.passphrase = value
		if err := checkPassphrase(value); err != nil {
			return fmt.Errorf("passphrase: %w", err)
		}
	case optionLatency:
		n, err := strconv.Atoi(value)
		t.latency = time.Duration(n) * time.Millisecond
		if err != nil || n < int(leastLatency.Milliseconds()) || n > int(mostLatency.Milliseconds()) {
			return fmt.Errorf("latency of the pull URL is out of range: %d to %d milliseconds (in URLs of ffmpeg it is in microseconds)", leastLatency.Milliseconds(), mostLatency.Milliseconds())
		}
	case optionKeyLength:
		n, err := strconv.Atoi(value)
		if t.keyLength = n; err != nil || !slices.Contains([]int{0, 16, 24, 32}, n) {
			return errors.New("pbkeylen of the pull URL is no length of a key: 16, 24 or 32")
		}
	default:
		return fmt.Errorf("the pull URL has an unknown option %.32q: known are %s", key, strings.Join([]string{optionMode, optionStreamID, optionPassphrase, optionLatency, optionKeyLength}, ", "))
	}
	return nil
}
