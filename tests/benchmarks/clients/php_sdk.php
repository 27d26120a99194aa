<?php
// The official SDK for PHP, from a clone at PLIVO_PHP, on Guzzle; only its address is changed, by Guzzle.

use GuzzleHttp\Client;
use GuzzleHttp\Handler\CurlHandler;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Middleware;
use GuzzleHttp\Psr7\Uri;
use Plivo\Authentication\BasicAuth;
use Plivo\HttpClients\PlivoGuzzleHttpClient;
use Plivo\RestClient;
use Psr\Http\Message\RequestInterface;

[, $url, $authId, $token, $action] = $argv;
$arguments = array_slice($argv, 5);

require getenv('PHP_GUZZLE') ?: 'GuzzleHttp/autoload.php';
spl_autoload_register(function (string $name): void {
    $file = getenv('PLIVO_PHP') . '/src/' . str_replace('\\', '/', $name) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
error_reporting(E_ERROR);

$target = new Uri($url);
$stack = HandlerStack::create(new CurlHandler());
$stack->push(Middleware::mapRequest(fn (RequestInterface $request) => $request->withUri(
    $request->getUri()->withScheme('http')->withHost($target->getHost())->withPort($target->getPort())
)));
$client = new RestClient($authId, $token);
$guzzle = new Client(['handler' => $stack]);
$client->client->setHttpClientHandler(new PlivoGuzzleHttpClient($guzzle, new BasicAuth($authId, $token)));

$result = ['records' => 0, 'ids' => [], 'errors' => [], 'amount' => null];
$started = hrtime(true);
// The SDK prints messages of its errors.
ob_start();
if ($action === 'list') {
    try {
        for ($offset = 0; ; $offset += 20) {
            $page = $client->calls->getList(['limit' => 20, 'offset' => $offset])->get();
            if (!$page) {
                break;
            }
            foreach ($page as $call) {
                $result['ids'][] = $call->callUuid;
            }
        }
    } catch (Throwable $error) {
        $result['errors'][] = (new ReflectionClass($error))->getShortName();
    }
    $result['records'] = count($result['ids']);
} else {
    $count = (int) array_shift($arguments);
    for ($number = 0; $number < $count; $number++) {
        try {
            $call = $client->calls->get($arguments[$number % count($arguments)]);
            if ($call->callUuid === null) {
                $result['errors'][] = 'no error; a call whose fields are null';
            } else {
                $result['records']++;
                $result['amount'] = var_export($call->totalAmount, true);
            }
        } catch (Throwable $error) {
            $result['errors'][] = (new ReflectionClass($error))->getShortName();
        }
    }
}
ob_end_clean();
$result['seconds'] = (hrtime(true) - $started) / 1e9;
echo json_encode($result), "\n";
