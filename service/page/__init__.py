"""The page to draw on, and the one about the API: files that a browser runs, as they lie in `static/`.

    static/index.html, docs.html      the two pages         files         what is sent of them, and under which name
    static/js/, static/css/           what they load        description   their routes in the OpenAPI document

Nothing is built and nothing comes from elsewhere. No Flask here: routes/page.py answers.
"""
