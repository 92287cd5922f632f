"""The settings that a server lists; the line is vLLM 0.32.0's, a few of its labels left out."""

import httpx

from evallab.modelserver.listed import settings

PAGE = (
    "# TYPE vllm:cache_config_info gauge\n"
    'vllm:cache_config_info{_block_size_resolved="True",block_size="128",cache_dtype="auto",enable_prefix_caching="False"'
    ',engine="0",gpu_memory_utilization="0.92",kv_cache_dtype_skip_layers="[]",kv_cache_size_tokens="524288",'
    'num_cpu_blocks="None",num_gpu_blocks="4096",user_specified_block_size="False"} 1.0\n'
    'vllm:cache_config_info{block_size="64",engine="1"} 1.0\n'
)


async def asked(answer: httpx.Response | Exception) -> object:
    def reply(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/metrics"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
        return await settings("http://server:8000/v1", client)


async def test_a_vllm_lists_the_settings_of_its_cache() -> None:
    assert await asked(httpx.Response(200, text=PAGE)) == {
        "block_size": "128",
        "cache_dtype": "auto",
        "enable_prefix_caching": "False",
        "gpu_memory_utilization": "0.92",
        "kv_cache_dtype_skip_layers": "[]",
        "kv_cache_size_tokens": "524288",
        "num_gpu_blocks": "4096",
        "user_specified_block_size": "False",
    }


async def test_others_list_nothing() -> None:
    others = (
        httpx.Response(200, text="evallab:num_requests_waiting 0\n"),
        httpx.Response(404),
        httpx.ConnectError("refused"),
    )
    assert [await asked(each) for each in others] == [{}, {}, {}]
