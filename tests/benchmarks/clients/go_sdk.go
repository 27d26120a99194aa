// The official SDK for Go; only its address is changed, by the transport of the client that it is given.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/plivo/plivo-go/v7"
)

type redirected struct{ target *url.URL }

func (transport redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	request.URL.Scheme, request.URL.Host, request.Host = "http", transport.target.Host, transport.target.Host
	return http.DefaultTransport.RoundTrip(request)
}

type result struct {
	Records int      `json:"records"`
	Ids     []string `json:"ids"`
	Errors  []string `json:"errors"`
	Amount  string   `json:"amount"`
	Seconds float64  `json:"seconds"`
}

func main() {
	target, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	// The timeout that the SDK has by itself.
	httpClient := &http.Client{Timeout: 10 * time.Second, Transport: redirected{target}}
	client, err := plivo.NewClient(os.Args[2], os.Args[3], &plivo.ClientOptions{HttpClient: httpClient})
	if err != nil {
		panic(err)
	}
	found := result{Ids: []string{}, Errors: []string{}}
	started := time.Now()
	if os.Args[4] == "list" {
		for offset := int64(0); ; offset += 20 {
			page, err := client.Calls.List(plivo.CallListParams{Limit: 20, Offset: offset})
			if err != nil {
				found.Errors = append(found.Errors, fmt.Sprintf("%T", err))
				break
			}
			if len(page.Objects) == 0 {
				break
			}
			for _, call := range page.Objects {
				found.Ids = append(found.Ids, call.CallUUID)
			}
		}
		found.Records = len(found.Ids)
	} else {
		count, err := strconv.Atoi(os.Args[5])
		if err != nil {
			panic(err)
		}
		ids := os.Args[6:]
		for number := 0; number < count; number++ {
			call, err := client.Calls.Get(ids[number%len(ids)])
			switch {
			case err != nil:
				found.Errors = append(found.Errors, fmt.Sprintf("%T", err))
			case call.CallUUID == "":
				found.Errors = append(found.Errors, "no error; a call whose fields are empty")
			default:
				found.Records++
				found.Amount = strconv.Quote(call.TotalAmount)
			}
		}
	}
	found.Seconds = time.Since(started).Seconds()
	line, err := json.Marshal(found)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
