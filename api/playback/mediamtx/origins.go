package mediamtx

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origins are the origins of web pages of other sites that may read the answers.
type Origins struct {
	any  bool
	list []origin
}

// origin is a scheme and a host with its port, in lower case. below says that the names below host are meant, too.
type origin struct {
	scheme, host string
	below        bool
}

// ParseOrigins reads origins: * for all, or as https://nvr.example.com:8443 and https://*.example.com.
func ParseOrigins(texts []string) (out Origins, err error) {
	for _, text := range texts {
		if text == "*" {
			out.any = true
			continue
		}
		o, ok := parseOrigin(text)
		if !ok {
			return out, fmt.Errorf("%.80q is not an origin: * for all pages, or scheme, host and port, as https://nvr.example.com or https://*.example.com", text)
		}
		out.list = append(out.list, o)
	}
	return out, nil
}

func parseOrigin(text string) (o origin, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return o, false
	}
	host, below := strings.CutPrefix(strings.ToLower(u.Host), "*.")
	return origin{u.Scheme, host, below}, host != "" && !strings.Contains(host, "*")
}

// allows reports whether the pages of an origin, as browsers send it, may read the answers.
func (o *Origins) allows(text string) bool {
	from, ok := parseOrigin(strings.ToLower(text))
	if !ok || from.below {
		return false
	}
	for _, one := range o.list {
		if one.scheme == from.scheme && (one.host == from.host || one.below && strings.HasSuffix(from.host, "."+one.host)) {
			return true
		}
	}
	return false
}

// set sets the headers for the page of a request. Where pages of other origins may read the answers, they may show them too (Fetch standard, 3.7).
func (o *Origins) set(h http.Header, r *http.Request) {
	if !o.any && len(o.list) == 0 {
		return
	}
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Add("Vary", "Origin")
	if from := r.Header.Get("Origin"); o.allows(from) {
		h.Set("Access-Control-Allow-Origin", from)
	} else if o.any {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}
