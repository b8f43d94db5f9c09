package srt

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/gospool/spool/pipeline/streampath"
)

// streamID is what a streamid says.
type streamID struct {
	path           string
	user, password string
}

var (
	errNoPath = errors.New("the streamid names no stream: write publish:live/camera01, or #!::r=live/camera01,m=publish")
	errMode   = errors.New("only publish is offered here")
)

// parseStreamID reads a streamid, in one of the forms
//
//	publish:live/camera01[:user[:password]]
//	#!::r=live/camera01,m=publish,u=user,s=password
//	live/camera01
//
// and the first and the last also with a query, as in URLs of RTMP: live/camera01?user=user&pass=password. The second is that of the SRT Access Control guidelines; its values may be percent-encoded, other keys are ignored. A streamid
// may also be percent-encoded as a whole, because some clients do not decode that of their URL, such as ffmpeg 5. errMode is
// the error of a streamid that asks for another mode than publish. No error quotes a password.
func parseStreamID(text string) (id streamID, err error) {
	if plain, err := url.PathUnescape(text); err == nil && !strings.ContainsAny(text, ":?") {
		text = plain
	}
	if list, is := strings.CutPrefix(text, "#!::"); is {
		id, err = parseAccessControl(list)
	} else {
		id, err = parseColons(text)
	}
	if err != nil {
		return streamID{}, err
	}
	id.path = strings.Trim(id.path, "/")
	if id.path == "" {
		return streamID{}, errNoPath
	}
	if err := streampath.Check(id.path); err != nil {
		return streamID{}, fmt.Errorf("the streamid names no stream: what begins with %q is no path: %s", harmless(id.path), streampath.Rule)
	}
	return id, nil
}

// harmless returns the beginning of a faulty path that has no credentials: they follow a character such as ? & = , ; - or :.
func harmless(path string) string {
	end := strings.IndexFunc(path, func(r rune) bool {
		return r != '/' && r != '.' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(path)
	}
	return path[:end]
}

func parseColons(text string) (id streamID, err error) {
	if stream, query, has := strings.Cut(text, "?"); has && strings.Count(stream, ":") < 2 { // else it is a part of the credentials
		if id, err = parseColons(stream); err == nil {
			id.user, id.password = credentials(query)
		}
		return id, err
	}
	mode, rest, has := strings.Cut(text, ":")
	if !has {
		return streamID{path: text}, nil
	}
	if err := checkMode(mode); err != nil {
		return streamID{}, err
	}
	parts := strings.SplitN(rest, ":", 3) // the password may contain a colon
	id.path = parts[0]
	if plain, err := url.PathUnescape(id.path); err == nil { // no path has a percent sign
		id.path = plain
	}
	if len(parts) > 1 {
		id.user = parts[1]
	}
	if len(parts) > 2 {
		id.password = parts[2]
	}
	return id, nil
}

// credentials returns the user and the password in a query, as ingest.rtmp reads it.
func credentials(query string) (user, password string) {
	for item := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(item, "=")
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		switch key {
		case "user", "username":
			user = value
		case "pass", "password":
			password = value
		}
	}
	return user, password
}

func parseAccessControl(list string) (id streamID, err error) {
	mode := "publish" // absent: the guidelines say request, but some encoders write the stream alone
	for item := range strings.SplitSeq(list, ",") {
		key, value, has := strings.Cut(item, "=")
		if !has {
			continue
		}
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		switch key {
		case "r":
			id.path = value
		case "u":
			id.user = value
		case "s":
			id.password = value
		case "m":
			mode = value
		}
	}
	return id, checkMode(mode)
}

// checkMode returns errMode for another mode than publish.
func checkMode(mode string) error {
	switch mode {
	case "publish":
		return nil
	case "request", "read", "play", "bidirectional":
		return errMode
	}
	return fmt.Errorf("%w: the streamid has another mode", errMode)
}
